"""Where a run's files lie, chosen by the name of the output."""

from __future__ import annotations

from pathlib import Path

import pytest

from scoring.errors import OutputError
from scoring.output.layout import Format, layout


@pytest.mark.parametrize("format_", Format)
def test_a_name_with_a_formats_suffix_is_a_file_with_its_ledger_beside_it(tmp_path, format_):
    out = tmp_path / f"labels.{format_}"

    places = layout(out, None)

    assert (places.is_file, places.format) == (True, format_)
    assert places.ledger == tmp_path / f"labels.{format_}.ledger" / "_ledger.sqlite"
    assert places.part(7) == tmp_path / f"labels.{format_}.ledger" / f"part-00007.{format_}"


@pytest.mark.parametrize("name", ["labels", "labels.2026", "labels.parquets"])
def test_any_other_name_is_a_folder_of_parquet_files(tmp_path, name):
    places = layout(tmp_path / name, None)

    assert (places.is_file, places.format) == (False, Format.PARQUET)
    assert places.ledger == tmp_path / name / "_ledger.sqlite"
    assert places.part(0) == tmp_path / name / "part-00000.parquet"


@pytest.mark.parametrize(("name", "is_file"), [("labels", False), ("labels.parquet", True)])
def test_a_format_that_is_asked_for_counts_more_than_the_name(tmp_path, name, is_file):
    places = layout(tmp_path / name, Format.CSV)

    assert (places.is_file, places.format) == (is_file, Format.CSV)


def test_a_folder_that_is_there_stays_one_whatever_its_name(tmp_path):
    (tmp_path / "labels.csv").mkdir()

    assert not layout(tmp_path / "labels.csv", None).is_file


def test_of_more_parts_than_five_digits_hold_names_still_differ(tmp_path):
    places = layout(tmp_path / "labels", None)

    assert len({places.part(number) for number in (1, 99_999, 100_000, 1_000_000)}) == 4


def test_a_file_that_is_there_is_somebody_elses(tmp_path):
    (tmp_path / "labels.csv").write_text("precious")

    with pytest.raises(OutputError, match=r"labels\.csv is there already") as caught:
        layout(tmp_path / "labels.csv", None)

    assert caught.value.code == "output_refused"
    assert (tmp_path / "labels.csv").read_text() == "precious"


def test_a_file_without_a_suffix_is_somebody_elses_too(tmp_path):
    (tmp_path / "labels").write_text("precious")

    with pytest.raises(OutputError, match="labels is there already"):
        layout(tmp_path / "labels", None)


def test_a_folder_with_something_in_it_is_somebody_elses(tmp_path):
    (tmp_path / "labels").mkdir()
    (tmp_path / "labels" / "notes.txt").touch()

    with pytest.raises(OutputError, match="labels is there already"):
        layout(tmp_path / "labels", None)


@pytest.mark.parametrize("name", ["labels", "labels.csv"])
def test_an_output_with_its_ledger_is_a_run_to_go_on_with(tmp_path: Path, name: str):
    first = layout(tmp_path / name, None)
    first.folder.mkdir()
    first.ledger.touch()
    if first.is_file:
        first.out.touch()

    assert layout(tmp_path / name, None) == first
