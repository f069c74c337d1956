"""What goes to a Ray worker and comes from it, without Ray."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pytest

from scoring.errors import OutputError, ScoringError, TargetAwayError, VersionChangedError
from scoring.job import Job
from scoring.ray_worker import Worker, answer, question
from scoring.score_batch import Scorer
from scoring.targets.target import Pinned
from tests.colour_server import ColourServer, in_thread
from tests.pictures import colour_picture
from tests.scoring import archive


@pytest.fixture
def server() -> Iterator[tuple[ColourServer, str]]:
    server = ColourServer()
    with in_thread(server) as address:
        yield server, f"grpc://{address}"


def job(folder: Path, to: str, **choices: object) -> Job:
    return archive.job(folder, folder / "out", to, **choices)


def pinned(to: str) -> Pinned:
    with Scorer(to, model="toy") as scorer:
        return scorer.pinned


def test_a_block_of_paths_becomes_numbered_rows_in_order(
    server: tuple[ColourServer, str], tmp_path: Path
) -> None:
    _, to = server
    red, odd = tmp_path / "red.png", tmp_path / "bl\udcffue.png"
    red.write_bytes(colour_picture("red"))
    odd.write_bytes(colour_picture("blue"))
    worker = Worker(job=job(tmp_path, to), pinned=pinned(to), threads=2)

    asked = question([(7, str(red)), (9, str(odd)), (8, str(tmp_path / "gone.png"))])
    numbered = answer(pa.table(worker(asked)))

    assert [(number, row.label, row.code) for number, row in numbered] == [
        (7, "red", None),
        (9, "blue", None),
        (8, None, "image_unreadable"),
    ]


def test_another_model_at_a_worker_ends_the_run(server: tuple[ColourServer, str], tmp_path: Path) -> None:
    _, to = server
    another = dataclasses.replace(pinned(to), sha256="0" * 64)
    worker = Worker(job=job(tmp_path, to), pinned=another, threads=1)

    with pytest.raises(VersionChangedError, match="toy version 1 is not the same model everywhere"):
        answer(worker(question([(1, "red.png")])))


def test_a_version_that_is_gone_ends_the_run(server: tuple[ColourServer, str], tmp_path: Path) -> None:
    its, to = server
    (tmp_path / "red.png").write_bytes(colour_picture("red"))
    worker = Worker(job=job(tmp_path, to), pinned=pinned(to), threads=1)
    its.versions = [2]

    with pytest.raises(VersionChangedError):
        answer(worker(question([(1, str(tmp_path / "red.png"))])))


def test_a_target_that_is_away_ends_the_run_as_itself(tmp_path: Path) -> None:
    nobody = job(tmp_path, "grpc://127.0.0.1:1", wait_seconds=0.0)
    worker = Worker(job=nobody, pinned=Pinned("toy", 1, ""), threads=1)

    with pytest.raises(TargetAwayError, match="nothing has answered"):
        answer(worker(question([(1, "red.png")])))


def test_a_quarantine_that_cannot_be_written_ends_the_run_as_itself(
    server: tuple[ColourServer, str], tmp_path: Path
) -> None:
    _, to = server
    (tmp_path / "notes.png").write_bytes(b"text")
    (tmp_path / "file").touch()
    worker = Worker(job=job(tmp_path, to, quarantine=tmp_path / "file"), pinned=pinned(to), threads=1)

    with pytest.raises(OutputError, match="Not a directory"):
        answer(worker(question([(1, str(tmp_path / "notes.png"))])))


def test_any_other_error_of_ours_says_what_it_said(tmp_path: Path) -> None:
    worker = Worker(job=job(tmp_path, "ftp://nowhere"), pinned=Pinned("toy", 1, ""), threads=1)

    with pytest.raises(ScoringError, match="ftp://nowhere is no http"):
        answer(worker(question([(1, "red.png")])))
