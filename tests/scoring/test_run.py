"""Whole runs on this machine, against a real model server over gRPC."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from contract.errors import ContractBrokenError
from modelserver.errors import UnexpectedAnswerError, VersionNotFoundError
from scoring.errors import (
    OutputError,
    SourceError,
    TargetAwayError,
    TooManyErrorsError,
    VersionChangedError,
)
from scoring.row import Extras
from scoring.sources.listed import Shard
from tests.colour_server import ColourServer, colour_manifest, in_thread
from tests.scoring.archive import BAD, Watcher, comparable, job, rows, run, said, write_archive

pytestmark = pytest.mark.slow


@pytest.fixture
def server() -> ColourServer:
    return ColourServer()


@pytest.fixture
def to(server: ColourServer) -> Iterator[str]:
    with in_thread(server) as address:
        yield f"grpc://{address}"


@pytest.fixture
def photographs(tmp_path: Path) -> Path:
    return tmp_path / "photographs"


def test_every_photograph_has_one_row_and_bad_ones_say_why(
    tmp_path: Path, photographs: Path, to: str
) -> None:
    expected = write_archive(photographs, 100)

    outcome = run(job(photographs, tmp_path / "out.parquet", to))

    written = rows(tmp_path / "out.parquet")
    assert said(written, photographs) == expected
    assert (outcome.photographs, outcome.errors, outcome.new) == (103, 3, 103)
    assert {(row["model"], row["version"]) for row in written} == {("toy", 1)}
    assert [row["path"] for row in written] == sorted(row["path"] for row in written)


def test_a_file_is_there_whole_or_not_at_all_and_its_parts_go(
    tmp_path: Path, photographs: Path, to: str
) -> None:
    write_archive(photographs, 100)

    run(job(photographs, tmp_path / "out.parquet", to))

    beside = sorted(path.name for path in (tmp_path / "out.parquet.ledger").iterdir())
    assert beside == ["_ledger.sqlite", "_summary.json"]


def test_a_folder_gets_parts_and_a_summary(tmp_path: Path, photographs: Path, to: str) -> None:
    expected = write_archive(photographs, 100)

    run(job(photographs, tmp_path / "out", to))

    names = sorted(path.name for path in (tmp_path / "out").iterdir())
    assert names == ["_ledger.sqlite", "_summary.json", *(f"part-0000{n}.parquet" for n in range(3))]
    assert said(rows(tmp_path / "out"), photographs) == expected
    summary = json.loads((tmp_path / "out" / "_summary.json").read_text())
    assert (summary["photographs"], summary["errors"], summary["pinned"]["version"]) == (103, 3, 1)


@pytest.mark.parametrize("suffix", ["jsonl", "csv"])
def test_texts_say_the_same_as_parquet(tmp_path: Path, photographs: Path, to: str, suffix: str) -> None:
    write_archive(photographs, 50)
    run(job(photographs, tmp_path / "out.parquet", to))

    run(job(photographs, tmp_path / f"out.{suffix}", to))

    with (tmp_path / f"out.{suffix}").open(newline="") as file:
        if suffix == "jsonl":
            written = [json.loads(line) for line in file]
        else:
            written = [
                row | {"top": json.loads(row["top"]), "version": int(row["version"])}
                for row in csv.DictReader(file)
            ]
    expected = comparable(rows(tmp_path / "out.parquet"))
    assert [row["path"] for row in written] == [row["path"] for row in expected]
    assert [row["top"] for row in written] == [row["top"] for row in expected]
    assert [row["code"] or None for row in written] == [row["code"] for row in expected]


def test_the_same_command_again_has_nothing_to_do(
    tmp_path: Path, photographs: Path, to: str, server: ColourServer
) -> None:
    write_archive(photographs, 60)
    run(job(photographs, tmp_path / "out.parquet", to))
    before = (tmp_path / "out.parquet").read_bytes()
    server.batch_sizes.clear()

    outcome = run(job(photographs, tmp_path / "out.parquet", to))

    assert (outcome.new, outcome.photographs) == (0, 63)
    assert (tmp_path / "out.parquet").read_bytes() == before
    assert not server.batch_sizes


def test_what_was_stopped_goes_on_where_it_was(
    tmp_path: Path, photographs: Path, to: str, server: ColourServer
) -> None:
    write_archive(photographs, 200)
    whole, halves = tmp_path / "whole", tmp_path / "halves"
    run(job(photographs, whole, to))
    with pytest.raises(
        TooManyErrorsError, match=r"more than --max-errors 1 allows; the last one: .*\[image_undecodable\]"
    ):
        run(job(photographs, halves, to, max_errors=1))
    server.batch_sizes.clear()
    watcher = Watcher()

    run(job(photographs, halves, to), watcher)

    assert comparable(rows(halves)) == comparable(rows(whole))
    assert watcher.done + len(watcher.seen) == 203


def test_another_command_is_refused_and_told_what_differs(tmp_path: Path, photographs: Path, to: str) -> None:
    write_archive(photographs, 10)
    run(job(photographs, tmp_path / "out", to))

    with pytest.raises(OutputError, match=r"of another run: its --part-rows was 40, not 50"):
        run(job(photographs, tmp_path / "out", to, part_rows=50))


def test_a_run_that_never_began_binds_nobody(tmp_path: Path, photographs: Path, to: str) -> None:
    expected = write_archive(photographs, 10)
    with pytest.raises(SourceError, match="no such file"):
        run(job(tmp_path / "mistyped", tmp_path / "out", to))
    with pytest.raises(TargetAwayError):
        run(job(photographs, tmp_path / "out", "grpc://127.0.0.1:1", wait_seconds=0))

    run(job(photographs, tmp_path / "out", to))

    assert said(rows(tmp_path / "out"), photographs) == expected


@pytest.mark.parametrize("out", ["out.parquet", "out"])
@pytest.mark.parametrize("source", ["{}", "{}/**/*"])
def test_an_output_among_the_photographs_is_none_of_them(
    photographs: Path, to: str, out: str, source: str
) -> None:
    expected = write_archive(photographs, 10)

    run(job(source.format(photographs), photographs / out, to))  # type: ignore[arg-type]

    assert said(rows(photographs / out), photographs) == expected


def test_a_finished_output_of_another_version_is_refused(tmp_path: Path, photographs: Path, to: str) -> None:
    write_archive(photographs, 10)
    run(job(photographs, tmp_path / "out", to))

    with pytest.raises(VersionChangedError, match="began with toy version 1, not with version 2"):
        run(job(photographs, tmp_path / "out", to, version=2))
    assert run(job(photographs, tmp_path / "out", to, version=1)).new == 0


def test_what_lies_at_the_output_and_is_not_ours_stays(tmp_path: Path, photographs: Path, to: str) -> None:
    write_archive(photographs, 10)
    (tmp_path / "out.parquet").write_text("something dear")
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "letter").write_text("dear too")

    for out in ("out.parquet", "folder"):
        with pytest.raises(OutputError, match="is there already"):
            run(job(photographs, tmp_path / out, to))

    assert (tmp_path / "out.parquet").read_text() == "something dear"
    assert not (tmp_path / "out.parquet.ledger").exists()


def test_three_shards_are_together_the_whole(tmp_path: Path, photographs: Path, to: str) -> None:
    expected = write_archive(photographs, 100)

    for index in range(3):
        run(job(photographs, tmp_path / f"out-{index}", to, shard=Shard(index, 3)))

    shards = [said(rows(tmp_path / f"out-{index}"), photographs) for index in range(3)]
    assert sum(map(len, shards)) == len(expected)
    assert shards[0] | shards[1] | shards[2] == expected
    assert min(map(len, shards)) > 20


def test_a_shard_without_photographs_has_an_empty_output(tmp_path: Path, photographs: Path, to: str) -> None:
    write_archive(photographs, 1, bad=False)
    counts = []

    for index in range(3):
        run(job(photographs, tmp_path / f"{index}.parquet", to, shard=Shard(index, 3)))
        counts.append(len(rows(tmp_path / f"{index}.parquet")))

    assert sorted(counts) == [0, 0, 1]


def test_equal_photographs_are_predicted_once_where_that_is_asked(
    tmp_path: Path, photographs: Path, to: str, server: ColourServer
) -> None:
    expected = write_archive(photographs, 20)
    for copy in range(4):
        for name in tuple(expected):
            target = photographs / f"copy-{copy}" / name
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes((photographs / name).read_bytes())
    run(job(photographs, tmp_path / "all", to))
    images = sum(server.batch_sizes)
    server.batch_sizes.clear()

    run(job(photographs, tmp_path / "once", to, dedupe=True))

    assert sum(server.batch_sizes) < images / 2
    assert comparable(rows(tmp_path / "once")) == comparable(rows(tmp_path / "all"))


def test_copies_of_refused_files_are_kept_for_somebody_to_look_at(
    tmp_path: Path, photographs: Path, to: str
) -> None:
    write_archive(photographs, 10)

    run(job(photographs, tmp_path / "out", to, quarantine=tmp_path / "quarantine"))

    kept = {path.name.split("-", 1)[1]: path.read_bytes() for path in (tmp_path / "quarantine").rglob("*-*")}
    assert kept == {Path(name).name: content for name, (content, _) in BAD.items()}


def test_a_version_that_is_unloaded_ends_the_run(
    tmp_path: Path, photographs: Path, to: str, server: ColourServer
) -> None:
    write_archive(photographs, 100)

    class Unloads(Watcher):
        def rows(self, rows: object) -> None:
            del rows
            server.versions = [2]

    with pytest.raises(VersionChangedError, match=r"the run began with toy version 1; --follow-versions"):
        run(job(photographs, tmp_path / "out", to), Unloads())

    with pytest.raises(
        VersionChangedError, match=r"the run began with toy version 1, which does not answer any more"
    ):
        run(job(photographs, tmp_path / "out", to))


def test_the_next_version_goes_on_where_that_is_allowed_and_rows_say_which(
    tmp_path: Path, photographs: Path, to: str, server: ColourServer
) -> None:
    expected = write_archive(photographs, 100)

    class Unloads(Watcher):
        def rows(self, rows: object) -> None:
            del rows
            server.versions = [2]

    outcome = run(job(photographs, tmp_path / "out", to, follow_versions=True), Unloads())

    written = rows(tmp_path / "out")
    assert said(written, photographs) == expected
    assert {row["version"] for row in written} == {1, 2}
    assert outcome.pinned
    assert outcome.pinned.version == 2


def test_another_model_under_the_same_number_is_refused(
    tmp_path: Path, photographs: Path, to: str, server: ColourServer
) -> None:
    write_archive(photographs, 100)
    with pytest.raises(TooManyErrorsError):
        run(job(photographs, tmp_path / "out", to, max_errors=0))
    server.manifest = colour_manifest(max_batch_size=4)

    with pytest.raises(VersionChangedError, match="toy version 1 is not the same model that it was"):
        run(job(photographs, tmp_path / "out", to))


def test_a_version_that_is_asked_for_must_be_there(tmp_path: Path, photographs: Path, to: str) -> None:
    write_archive(photographs, 10)

    with pytest.raises(VersionNotFoundError):
        run(job(photographs, tmp_path / "out", to, version=7))


def test_a_model_that_does_not_keep_its_promise_answers_nothing(
    tmp_path: Path, photographs: Path, to: str, server: ColourServer
) -> None:
    write_archive(photographs, 10)
    server.network = lambda images: np.tile(np.array([0.1, 0.1, 0.8], np.float32), (len(images), 1))

    with pytest.raises(ContractBrokenError, match="golden examples"):
        run(job(photographs, tmp_path / "out", to))


def test_heat_maps_and_embeddings_are_asked_of_models_that_have_them(
    tmp_path: Path, photographs: Path, to: str
) -> None:
    """The colour server has none: it says so, in one line, rather than rows without them."""
    write_archive(photographs, 10)

    with pytest.raises(UnexpectedAnswerError, match="no output 'embeddings'"):
        run(job(photographs, tmp_path / "out", to, extras=Extras(embedding=True)))
