"""Where a run's files lie: one output file with its ledger beside it, or a folder of parts."""

from __future__ import annotations

import functools
import os
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from scoring.errors import OutputError

_LEDGER = "_ledger.sqlite"


class Format(StrEnum):
    """Of the output's files."""

    PARQUET = "parquet"
    JSONL = "jsonl"
    CSV = "csv"


@dataclass(frozen=True, kw_only=True)
class Layout:
    """The places of one run.

    Attributes:
        out: what the user asked for.
        format: of its files.
        folder: of the ledger and, until the end, of the parts; its files that are no output begin with `_`
            or `.`, which readers of folders of Parquet files pass over.
        is_file: whether `out` is one file, made of the parts at the end.
    """

    out: Path
    format: Format
    folder: Path
    is_file: bool

    @property
    def ledger(self) -> Path:
        """What is done, and of which run."""
        return self.folder / _LEDGER

    def holds(self, path: str) -> bool:
        """Whether it is one of this run's files, which may lie among the photographs.

        Reading the ledger would also end its lock: POSIX gives up a process's locks on whatever it closes.
        """
        return os.path.abspath(path).startswith(f"{self._absolute_folder}{os.sep}")  # noqa: PTH100 - a million

    @functools.cached_property
    def _absolute_folder(self) -> str:
        return os.path.abspath(self.folder)  # noqa: PTH100 - as `holds`

    def part(self, number: int) -> Path:
        """The file of one part, counted from 0."""
        return self.folder / f"part-{number:05}.{self.format}"


def layout(out: Path, format_: Format | None) -> Layout:
    """Choose by the name: what ends with a format's suffix is a file, anything else a folder of Parquet.

    Raises:
        OutputError: something lies there that no run of this program has begun.
    """
    by_name = next((f for f in Format if out.suffix == f".{f}"), None)
    is_file = not out.is_dir() and (by_name is not None or out.is_file())
    folder = out.with_name(f"{out.name}.ledger") if is_file else out
    chosen = Layout(out=out, format=format_ or by_name or Format.PARQUET, folder=folder, is_file=is_file)
    if not chosen.ledger.exists():
        _refuse_foreign(chosen)
    return chosen


def _refuse_foreign(chosen: Layout) -> None:
    there = chosen.out.exists() if chosen.is_file else chosen.out.is_dir() and any(chosen.out.iterdir())
    if there:
        raise OutputError(
            f"{chosen.out} is there already and {chosen.ledger} is not: choose another --out, or remove it"
        )
