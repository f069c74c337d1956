"""The files of an output: whole or not there, and made again where a kill came in between."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from scoring.errors import OutputError
from scoring.output.layout import Layout, layout
from scoring.output.ledger import Ledger
from scoring.output.parts import Parts
from scoring.output.writers import write_rows
from scoring.row import Extras
from tests.rows import answered, refused
from tests.small_disk import mounted

PATHS = [f"{n}.jpg" for n in range(1, 6)]
SUMMARY = {"photographs": 5}
EXTRAS = Extras()


def _places(out: Path) -> Layout:
    return layout(out, None)


def _begun(places: Layout) -> Ledger:
    ledger = Ledger(places.ledger, part_rows=2)
    ledger.begin({"fingerprint": {}}, PATHS)
    return ledger


def _opened(places: Layout) -> Ledger:
    return Ledger(places.ledger, part_rows=2)


def _record(ledger: Ledger, *numbers: int) -> None:
    ledger.record([(n, refused(PATHS[n - 1]) if n == 4 else answered(PATHS[n - 1])) for n in numbers])


def _finished(places: Layout) -> None:
    with _begun(places) as ledger:
        _record(ledger, 1, 2, 3, 4, 5)
        parts = Parts(places, ledger, EXTRAS)
        parts.write_full()
        parts.finish(SUMMARY)


def _shown(path: Path) -> list[Any]:
    if path.suffix == ".csv":
        return [line.split(",")[0] for line in path.read_text().splitlines()]
    return pq.read_table(path).column("path").to_pylist()


def _names(folder: Path) -> list[str]:
    """Without SQLite's own."""
    return sorted(path.name for path in folder.iterdir() if "sqlite-" not in path.name)


def test_a_part_appears_once_it_is_full(tmp_path):
    places = _places(tmp_path / "out")
    with _begun(places) as ledger:
        parts = Parts(places, ledger, EXTRAS)
        _record(ledger, 2, 5)
        parts.write_full()
        assert _names(tmp_path / "out") == ["_ledger.sqlite", "part-00002.parquet"]
        _record(ledger, 1)
        parts.write_full([0, 1])

        assert _shown(places.part(0)) == PATHS[:2]
        assert list(ledger.open_parts()) == [1]


def test_a_finished_folder_holds_its_parts_the_ledger_and_a_summary(tmp_path):
    _finished(_places(tmp_path / "out"))

    assert _names(tmp_path / "out") == [
        "_ledger.sqlite",
        "_summary.json",
        "part-00000.parquet",
        "part-00001.parquet",
        "part-00002.parquet",
    ]
    assert json.loads((tmp_path / "out" / "_summary.json").read_text()) == SUMMARY


def test_readers_of_a_folder_of_parquet_files_see_the_rows_alone(tmp_path):
    _finished(_places(tmp_path / "out"))

    assert pq.read_table(tmp_path / "out").column("path").to_pylist() == PATHS


@pytest.mark.parametrize("name", ["out.parquet", "out.csv"])
def test_a_finished_file_is_the_parts_joined_which_are_gone(tmp_path, name):
    places = _places(tmp_path / name)
    _finished(places)

    assert _shown(tmp_path / name) == (["path"] if name == "out.csv" else []) + PATHS
    assert _names(places.folder) == ["_ledger.sqlite", "_summary.json"]
    with _opened(places) as ledger:
        assert ledger.about["finished"]


def test_a_summary_may_name_what_is_no_utf8(tmp_path):
    places = _places(tmp_path / "out")
    with _begun(places) as ledger:
        Parts(places, ledger, EXTRAS).finish({"SOURCE": ["caf\udce9", "日本"]})

    assert json.loads((tmp_path / "out" / "_summary.json").read_text("ascii")) == {
        "SOURCE": ["caf\udce9", "日本"]
    }


def test_a_kill_before_the_file_leaves_rows_that_make_it(tmp_path):
    places = _places(tmp_path / "out")
    with _begun(places) as ledger:
        _record(ledger, 1, 2)

    with _opened(places) as ledger:
        Parts(places, ledger, EXTRAS).write_full()

        assert _shown(places.part(0)) == PATHS[:2]
        assert list(ledger.open_parts()) == [1, 2]


def test_a_kill_between_the_file_and_its_mark_makes_the_same_file_again(tmp_path):
    places = _places(tmp_path / "out")
    with _begun(places) as ledger:
        _record(ledger, 1, 2)
        write_rows(places.part(0), ledger.rows(0), format_=places.format, extras=EXTRAS)
    before = places.part(0).read_bytes()

    with _opened(places) as ledger:
        parts = Parts(places, ledger, EXTRAS)
        parts.clean_up()
        parts.write_full()

        assert (places.part(0).read_bytes(), ledger.done) == (before, 2)


def test_a_kill_while_a_file_was_written_leaves_nothing_of_it(tmp_path):
    places = _places(tmp_path / "out")
    with _begun(places) as ledger:
        _record(ledger, 1, 2)
        (places.folder / ".writing-part-00000.parquet").write_bytes(b"PAR1 and no more")

    with _opened(places) as ledger:
        parts = Parts(places, ledger, EXTRAS)
        parts.clean_up()
        assert _names(places.folder) == ["_ledger.sqlite"]
        parts.write_full()

    assert _names(places.folder) == ["_ledger.sqlite", "part-00000.parquet"]


def test_a_kill_between_the_joined_file_and_its_mark_joins_again(tmp_path):
    places = _places(tmp_path / "out.csv")
    with _begun(places) as ledger:
        _record(ledger, 1, 2, 3, 4, 5)
        Parts(places, ledger, EXTRAS).write_full()
        (tmp_path / "out.csv").write_text("as joined before")

    with _opened(places) as ledger:
        parts = Parts(places, ledger, EXTRAS)
        parts.clean_up()
        parts.finish(SUMMARY)

    assert _shown(tmp_path / "out.csv") == ["path", *PATHS]


def test_a_kill_before_the_parts_were_removed_removes_them_the_next_time(tmp_path):
    places = _places(tmp_path / "out.csv")
    _finished(places)
    places.part(1).write_text("left")

    with _opened(places) as ledger:
        Parts(places, ledger, EXTRAS).clean_up()

    assert _names(places.folder) == ["_ledger.sqlite", "_summary.json"]
    assert _shown(tmp_path / "out.csv") == ["path", *PATHS]


def test_a_power_cut_after_the_parts_were_removed_finds_the_ledger_finished(tmp_path):
    """It may take what stands in SQLite's log alone, which waits for no disk."""
    places = _places(tmp_path / "out.parquet")
    with _begun(places) as ledger:
        _record(ledger, 1, 2, 3, 4, 5)
        parts = Parts(places, ledger, EXTRAS)
        parts.write_full()
        parts.finish(SUMMARY)
        shutil.copy(places.ledger, tmp_path / "survived")

    with Ledger(tmp_path / "survived", part_rows=2) as survived:
        assert survived.about["finished"]


@pytest.mark.parametrize("finished", [False, True])
def test_a_part_that_was_written_and_is_gone_is_an_error_that_names_it(tmp_path, finished):
    places = _places(tmp_path / "out")
    with _begun(places) as ledger:
        _record(ledger, 1, 2, 3, 4, 5)
        Parts(places, ledger, EXTRAS).write_full()
        if finished:
            Parts(places, ledger, EXTRAS).finish(SUMMARY)
    places.part(1).unlink()

    with _opened(places) as ledger, pytest.raises(OutputError, match=r"part-00001\.parquet was written"):
        Parts(places, ledger, EXTRAS).clean_up()


def test_a_joined_file_that_is_gone_is_an_error_too(tmp_path):
    places = _places(tmp_path / "out.csv")
    _finished(places)
    (tmp_path / "out.csv").unlink()

    with _opened(places) as ledger, pytest.raises(OutputError, match="was written and is gone"):
        Parts(places, ledger, EXTRAS).clean_up()


def test_a_part_that_somebody_has_changed_is_one_clear_line_and_no_file_appears(tmp_path):
    places = _places(tmp_path / "out.parquet")
    with _begun(places) as ledger:
        _record(ledger, 1, 2, 3, 4, 5)
        parts = Parts(places, ledger, EXTRAS)
        parts.write_full()
        places.part(1).write_bytes(b"something else, of some length")

        with pytest.raises(OutputError, match=r"out\.parquet: "):
            parts.finish(SUMMARY)

        assert not ledger.about.get("finished")
    assert not (tmp_path / "out.parquet").exists()
    assert ".writing-out.parquet" not in _names(places.folder)


@pytest.mark.parametrize("name", ["out", "out.csv"])
def test_a_full_disk_tears_no_file_and_with_room_again_the_run_finishes(tmp_path, name):
    with mounted(tmp_path / "disk", size="1m") as disk:
        places = _places(disk / name)
        with _begun(places) as ledger:
            _record(ledger, 1, 2, 3, 4, 5)
            _fill(disk)
            parts = Parts(places, ledger, EXTRAS)
            with pytest.raises(OutputError, match=r"part-00000.*No space left"):
                parts.write_full()
            assert _names(places.folder) == ["_ledger.sqlite"]
        (disk / "other").unlink()

        with _opened(places) as ledger:
            parts = Parts(places, ledger, EXTRAS)
            parts.clean_up()
            parts.write_full()
            parts.finish(SUMMARY)

        written = [disk / name] if places.is_file else [places.part(n) for n in range(3)]
        assert [path for file in written for path in _shown(file) if path != "path"] == PATHS


def test_a_disk_that_is_full_at_the_very_end_is_one_clear_line(tmp_path):
    with mounted(tmp_path / "disk", size="1m") as disk:
        places = _places(disk / "out")
        with _begun(places) as ledger:
            _record(ledger, 1, 2, 3, 4, 5)
            parts = Parts(places, ledger, EXTRAS)
            parts.write_full()
            _fill(disk)

            with pytest.raises(OutputError, match=r"_summary\.json: No space left"):
                parts.finish(SUMMARY)


def _fill(disk: Path) -> None:
    with (disk / "other").open("wb", buffering=0) as file:
        try:
            while file.write(bytes(4096)):
                pass
        except OSError:
            return
