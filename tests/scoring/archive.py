"""Archives of small photographs for whole runs of scoring, and what those leave."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
from PIL import Image

from scoring.job import Job
from scoring.local_engine import local_engine
from scoring.row import Extras, Row
from scoring.run import Outcome, score
from scoring.targets.opening import Address
from scoring.targets.target import Wanted
from tests.colour_server import COLOURS
from tests.pictures import encoded

BAD = {
    "000/text.jpg": (b"this is no image", "unsupported_format"),
    "001/cut.png": (encoded()[:60], "image_undecodable"),
    "empty.png": (b"", "unsupported_format"),
}


def write_archive(folder: Path, count: int, *, bad: bool = True) -> dict[str, str]:
    """Photographs in folders of 50, no two alike; gives each one's label or code by its relative path."""
    expected = {}
    for number, colour in zip(range(count), itertools.cycle(COLOURS), strict=False):
        path = folder / f"{number // 50:03}" / f"{number:05}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        shade = tuple(255 if name == colour else number % 60 for name in COLOURS)
        path.write_bytes(encoded(Image.new("RGB", (8, 9 + number // 60), shade)))
        expected[path.relative_to(folder).as_posix()] = colour
    for name, (content, code) in BAD.items() if bad else ():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_bytes(content)
        expected[name] = code
    return expected


def job(source: Path, out: Path, to: str, **choices: Any) -> Job:
    """One that asks the colour server for what it has."""
    wanted = Wanted(top_k=3, extras=choices.pop("extras", Extras()), max_pixels=1_000_000)
    address = Address(to=to, model="toy")
    return Job(
        **{"sources": (str(source),), "address": address, "out": out, "wanted": wanted, "part_rows": 40}
        | choices
    )


@dataclass
class Watcher:
    """Remembers how a run went."""

    done: int = -1
    seen: list[Row] = field(default_factory=list)
    reasons: list[str] = field(default_factory=list)

    def listed(self, photographs: int, *, done: int, errors: int) -> None:
        del photographs, errors
        self.done = done

    def rows(self, rows: Sequence[Row]) -> None:
        self.seen += rows

    def waiting(self, why: str) -> None:
        self.reasons.append(why)


def run(job: Job, watcher: Watcher | None = None) -> Outcome:
    return score(job, watcher or Watcher(), engine=local_engine)


def rows(out: Path) -> list[dict[str, Any]]:
    """Of a Parquet file or folder, as it was written."""
    files = sorted(out.glob("*.parquet")) if out.is_dir() else [out]
    return [row for file in files for row in pq.ParquetFile(file).read().to_pylist()]


def said(rows: Sequence[Mapping[str, Any]], source: Path) -> dict[str, str]:
    """Label or code of each row, by the path relative to its source; fails where a path comes twice."""
    by_path = {Path(row["path"]).relative_to(source).as_posix(): row["label"] or row["code"] for row in rows}
    assert len(by_path) == len(rows)
    return by_path


def comparable(rows: Sequence[Mapping[str, Any]], *without: str) -> list[dict[str, Any]]:
    """Without what may differ between two runs of the same, and without these columns."""
    left_out = {"seconds", *without}
    return [{name: value for name, value in row.items() if name not in left_out} for row in rows]
