from __future__ import annotations

from pathlib import Path

import pytest

from contract.errors import ModelFolderError
from contract.model_folder import (
    is_version_name,
    model_folder_of,
    model_folders,
    newest_version,
    pinned_version,
    read_manifest,
)


def test_models_are_the_folders_with_a_version_in_them(models: Path) -> None:
    assert model_folders(models) == {"other": models / "other", "toy": models / "toy"}


def test_a_folder_without_models_says_what_was_expected(tmp_path: Path) -> None:
    with pytest.raises(ModelFolderError, match=r"<integer>/saved_model\.pb"):
        model_folders(tmp_path)


def test_a_folder_that_is_not_there_is_said_so(tmp_path: Path) -> None:
    with pytest.raises(ModelFolderError, match="is not a folder"):
        model_folders(tmp_path / "nowhere")


def test_the_newest_version_is_the_largest_number_not_the_last_name(models: Path) -> None:
    assert newest_version(models / "toy") == (10, models / "toy" / "00000010")


def test_a_path_pins_a_version_or_takes_the_newest(models: Path) -> None:
    assert pinned_version(models / "toy") == ("toy", 10, models / "toy" / "00000010")
    assert pinned_version(models / "toy" / "9") == ("toy", 9, models / "toy" / "9")


def test_a_preferred_version_is_taken_from_a_models_folder_where_it_is_there(models: Path) -> None:
    assert pinned_version(models / "toy", preferred=9) == ("toy", 9, models / "toy" / "9")
    assert pinned_version(models / "toy", preferred=7)[1] == 10
    assert pinned_version(models / "toy" / "9", preferred=10)[1] == 9


def test_a_model_is_known_from_each_of_its_folders(models: Path) -> None:
    assert model_folder_of(models / "toy") == model_folder_of(models / "toy" / "9") == models / "toy"
    assert model_folder_of(models / "gone" / "9") == models / "gone" / "9"


def test_a_version_without_a_manifest_is_said_so(models: Path) -> None:
    (models / "toy" / "9" / "assets.extra" / "manifest.json").unlink()

    with pytest.raises(ModelFolderError, match="carries no manifest"):
        read_manifest(models / "toy" / "9")


@pytest.mark.parametrize(
    ("name", "is_version"),
    [("1", True), ("00000004", True), ("1a", False), ("-1", False), ("\u0663", False), ("1" * 30, False)],
)
def test_versions_are_plain_whole_numbers(name: str, is_version: bool) -> None:
    assert is_version_name(name) is is_version
