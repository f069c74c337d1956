"""The ledger: each photograph exactly once, whatever the order and whatever ends the process."""

from __future__ import annotations

import contextlib
import itertools
import os
import sqlite3
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from scoring.errors import OutputError
from scoring.output.ledger import Ledger
from tests.rows import answered, refused
from tests.small_disk import mounted

PATHS = [f"{n}.jpg" for n in range(1, 8)]
_HOLD = """
import sys, time
from pathlib import Path
from scoring.output.ledger import Ledger
from tests.rows import answered

ledger = Ledger(Path(sys.argv[1]), part_rows=3)
ledger.record([(1, answered())])
print("ready", flush=True)
time.sleep(60)
"""


def _begun(folder: Path, *, part_rows: int = 3, remember: bool = False, paths=PATHS) -> Ledger:
    ledger = Ledger(folder / "ledger", part_rows=part_rows, remember=remember)
    ledger.begin({"fingerprint": {"SOURCE": ["a"]}}, paths)
    return ledger


def _again(folder: Path, **options) -> Ledger:
    return Ledger(folder / "ledger", part_rows=3, **options)


def test_photographs_are_numbered_from_one_in_order_each_path_once(tmp_path):
    with _begun(tmp_path, paths=["b", "a", "b", "c", "a"]) as ledger:
        assert list(ledger.undone()) == [(1, "b"), (2, "a"), (3, "c")]
        assert (ledger.photographs, ledger.done, ledger.parts) == (3, 0, 1)


def test_paths_keep_bytes_that_are_no_utf8_and_those_that_are_shown_alike(tmp_path):
    paths = ["caf\udce9", "caf\\xe9", "日本", "a\nb"]

    with _begun(tmp_path, paths=paths) as ledger:
        assert [path for _, path in ledger.undone()] == paths


def test_what_is_recorded_in_any_order_comes_back_in_the_order_of_the_list(tmp_path):
    for number, order in enumerate(itertools.permutations(range(1, 4))):
        with _begun(tmp_path / str(number), paths=PATHS[:3]) as ledger:
            for photograph in order:
                ledger.record([(photograph, answered(PATHS[photograph - 1]))])
            [rows] = list(ledger.rows(0))

        assert [row.path for row in rows] == PATHS[:3]


def test_what_has_a_row_is_not_done_again_also_after_opening_it_again(tmp_path):
    with _begun(tmp_path) as ledger:
        ledger.record([(5, answered(PATHS[4])), (2, refused(PATHS[1]))])

    with _again(tmp_path) as ledger:
        assert [number for number, _ in ledger.undone()] == [1, 3, 4, 6, 7]
        assert (ledger.photographs, ledger.done, ledger.errors) == (7, 2, 1)


def test_a_row_recorded_twice_counts_once(tmp_path):
    with _begun(tmp_path) as ledger:
        ledger.record([(1, refused(PATHS[0]))])
        ledger.record([(1, answered(PATHS[0]))])

        assert (ledger.done, ledger.errors, ledger.missing(0)) == (1, 0, 2)


def test_what_is_undone_is_told_while_rows_are_recorded(tmp_path):
    with _begun(tmp_path) as ledger:
        told = []
        for number, path in ledger.undone():
            told.append(number)
            ledger.record([(number, answered(path))])
            if not ledger.missing(ledger.part_of(number)):
                ledger.close_part(ledger.part_of(number))

        assert told == [1, 2, 3, 4, 5, 6, 7]
        assert (ledger.done, list(ledger.open_parts())) == (7, [])


def test_parts_hold_numbers_that_follow_each_other_and_the_last_what_is_left(tmp_path):
    with _begun(tmp_path) as ledger:
        assert [ledger.part_of(number) for number in range(1, 8)] == [0, 0, 0, 1, 1, 1, 2]
        assert [ledger.missing(part) for part in ledger.open_parts()] == [3, 3, 1]


def test_a_run_of_no_photographs_has_one_empty_part(tmp_path):
    with _begun(tmp_path, paths=[]) as ledger:
        assert (ledger.parts, ledger.missing(0), list(ledger.rows(0))) == (1, 0, [])


def test_a_closed_part_keeps_its_numbers_and_lets_its_rows_go(tmp_path):
    with _begun(tmp_path) as ledger:
        ledger.record(
            [(n, refused(PATHS[n - 1]) if n == 2 else answered(PATHS[n - 1])) for n in (1, 2, 3, 4)]
        )
        ledger.close_part(0)

    with _again(tmp_path) as ledger:
        assert list(ledger.open_parts()) == [1, 2]
        assert list(ledger.rows(0)) == []
        assert (ledger.done, ledger.errors) == (4, 1)
        assert [number for number, _ in ledger.undone()] == [5, 6, 7]


def test_a_large_part_comes_some_rows_at_a_time(tmp_path):
    paths = [f"{n}.jpg" for n in range(1, 1202)]
    with _begun(tmp_path, part_rows=5000, paths=paths) as ledger:
        ledger.record([(n, answered(path)) for n, path in enumerate(paths, start=1)])

        some = list(ledger.rows(0))

    assert max(map(len, some)) <= 500
    assert [row.path for rows in some for row in rows] == paths


def test_facts_of_the_run_are_kept_and_replaced_by_name(tmp_path):
    with _begun(tmp_path) as ledger:
        ledger.describe({"pinned": {"version": 3}})
        ledger.describe({"pinned": {"version": 4}, "finished": True})

    with _again(tmp_path) as ledger:
        assert ledger.about == {
            "fingerprint": {"SOURCE": ["a"]},
            "pinned": {"version": 4},
            "finished": True,
        }


def test_a_listing_that_fails_leaves_what_was_there_before(tmp_path):
    def failing():
        yield "x.jpg"
        raise KeyError("the source")

    with _begun(tmp_path) as ledger:
        with pytest.raises(KeyError):
            ledger.begin({"fingerprint": "another"}, failing())

        assert [path for _, path in ledger.undone()] == PATHS
        assert ledger.about["fingerprint"] == {"SOURCE": ["a"]}


def test_a_listing_begun_anew_forgets_the_one_before(tmp_path):
    with _begun(tmp_path) as ledger:
        ledger.begin({"fingerprint": "another"}, ["x.jpg"])

        assert list(ledger.undone()) == [(1, "x.jpg")]


def test_a_listing_that_found_nothing_closes_no_part_for_the_next_one(tmp_path):
    with _begun(tmp_path, paths=[]) as ledger:
        ledger.close_part(0)
        ledger.begin({"fingerprint": "the same"}, ["x.jpg"])

        assert list(ledger.undone()) == [(1, "x.jpg")]


@pytest.mark.parametrize("remember", [False, True])
def test_answers_are_found_by_digest_where_they_are_remembered(tmp_path, remember):
    vector = np.array([1, 0], dtype=np.float32)
    with _begun(tmp_path, remember=remember) as ledger:
        ledger.record([(1, answered(sha256="11", embedding=vector)), (2, refused(sha256="22"))])
        ledger.record([(3, refused(sha256=None))])
        ledger.close_part(0)

    with _again(tmp_path, remember=remember) as ledger:
        found = ledger.answers({"11", "22", "33"})

    assert set(found) == ({"11", "22"} if remember else set())
    if remember:
        assert (found["11"].label, found["22"].code) == ("rose", "unsupported_format")
        assert found["11"].embedding is not None


def test_a_second_run_on_the_same_output_is_refused_and_the_first_goes_on(tmp_path):
    with _begun(tmp_path) as ledger:
        with pytest.raises(OutputError, match="ledger: another run is writing to this output"):
            _again(tmp_path)

        ledger.record([(1, answered())])
        assert ledger.done == 1

    with _again(tmp_path) as ledger:
        assert ledger.done == 1


def test_another_process_is_refused_and_a_killed_one_leaves_what_it_had_recorded(tmp_path):
    with _begun(tmp_path):
        pass
    command = [sys.executable, "-c", _HOLD, str(tmp_path / "ledger")]
    environment = {**os.environ, "PYTHONPATH": str(Path.cwd())}
    holding = subprocess.Popen(command, stdout=subprocess.PIPE, env=environment)
    try:
        assert holding.stdout is not None
        assert holding.stdout.readline() == b"ready\n"
        with pytest.raises(OutputError, match="another run is writing"):
            _again(tmp_path)
    finally:
        holding.kill()
        holding.communicate()

    with _again(tmp_path) as ledger:
        assert [number for number, _ in ledger.undone()] == [2, 3, 4, 5, 6, 7]


def test_of_rows_that_a_full_disk_refuses_none_is_there_and_with_room_again_it_goes_on(tmp_path):
    paths = [f"{n}.jpg" for n in range(200)]
    with mounted(tmp_path / "disk", size="2m") as disk:
        (disk / "other").write_bytes(bytes(1_500_000))
        with (
            _begun(disk, part_rows=200, paths=paths) as ledger,
            pytest.raises(OutputError, match="ledger: database or disk is full"),
        ):
            _record_tens(ledger)
        (disk / "other").unlink()

        with Ledger(disk / "ledger", part_rows=200) as ledger:
            assert ledger.done in range(10, 200, 10)
            assert [number for number, _ in ledger.undone()] == list(range(ledger.done + 1, 201))
            ledger.record([(number, answered()) for number, _ in ledger.undone()])
            assert (ledger.done, ledger.missing(0)) == (200, 0)


def _record_tens(ledger: Ledger) -> None:
    for first in range(1, ledger.photographs, 10):
        ledger.record([(first + n, answered(heatmap=bytes(5000))) for n in range(10)])


@pytest.mark.parametrize("at", [0, 5000])
def test_a_damaged_ledger_is_one_clear_line(tmp_path, at):
    with _begun(tmp_path, paths=[f"{n}.jpg" for n in range(2000)]):
        pass
    damaged = bytearray((tmp_path / "ledger").read_bytes())
    damaged[at : at + 40_000] = b"x" * 40_000
    (tmp_path / "ledger").write_bytes(damaged)

    with (
        pytest.raises(OutputError, match=r"ledger: .*(not a database|malformed)"),
        _again(tmp_path) as ledger,
    ):
        list(ledger.undone())


def test_a_ledger_with_a_text_that_is_none_is_one_clear_line(tmp_path):
    """Of this error SQLite itself knows nothing, and gives it no number."""
    path = tmp_path / "ledger"
    Ledger(path, part_rows=3).__exit__(None, None, None)
    with contextlib.closing(sqlite3.connect(path)) as database, database:
        database.execute("INSERT INTO about VALUES ('pinned', CAST(x'ff' AS TEXT))")

    with Ledger(path, part_rows=3) as ledger, pytest.raises(OutputError, match="ledger: Could not decode"):
        ledger.about  # noqa: B018 - reads it


def test_a_ledger_that_cannot_be_made_is_one_clear_line(tmp_path):
    (tmp_path / "file").touch()

    with pytest.raises(OutputError, match=r"/file.*(exists|Not a directory)"):
        Ledger(tmp_path / "file" / "ledger", part_rows=3)


def test_a_folder_in_place_of_the_ledger_is_one_clear_line(tmp_path):
    (tmp_path / "ledger").mkdir()

    with pytest.raises(OutputError, match="ledger: unable to open"):
        _again(tmp_path)
