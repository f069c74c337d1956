from __future__ import annotations

import pytest

from training.errors import DatasetError
from training.photographs import find_photographs, labels_of

from .pictures import write_classes


def test_a_folder_a_class_gives_labels_in_sorted_order(tmp_path):
    write_classes(tmp_path, per_class=2)

    found = find_photographs(tmp_path)

    assert labels_of(found) == ("amber", "blue", "green")
    assert [p.relative for p in found][:2] == ["amber/000.png", "amber/001.png"]
    assert {p.split for p in found} == {None}


def test_split_folders_say_the_split(tmp_path):
    write_classes(tmp_path / "train", per_class=2)
    write_classes(tmp_path / "test", per_class=1)

    found = find_photographs(tmp_path)

    assert [(p.relative, p.split) for p in found if p.label == "blue"] == [
        ("test/blue/000.png", "test"),
        ("train/blue/000.png", "train"),
        ("train/blue/001.png", "train"),
    ]


def test_a_class_may_be_called_train(tmp_path):
    for label in ("train", "bus"):
        (tmp_path / label).mkdir()
        (tmp_path / label / "1.jpg").touch()

    assert labels_of(find_photographs(tmp_path)) == ("bus", "train")


def test_hidden_files_are_ignored_and_others_never(tmp_path):
    write_classes(tmp_path, per_class=1)
    (tmp_path / "blue" / ".DS_Store").touch()
    (tmp_path / ".git").mkdir()
    (tmp_path / "blue" / "deeper").mkdir()
    (tmp_path / "blue" / "deeper" / "notes.txt").touch()

    relative = [p.relative for p in find_photographs(tmp_path)]

    assert relative == ["amber/000.png", "blue/000.png", "blue/deeper/notes.txt", "green/000.png"]


def test_a_missing_folder_is_refused(tmp_path):
    with pytest.raises(DatasetError, match="no folder of photographs"):
        find_photographs(tmp_path / "nowhere")


def test_an_empty_class_folder_is_refused_by_name(tmp_path):
    write_classes(tmp_path, per_class=1)
    (tmp_path / "violet").mkdir()

    with pytest.raises(DatasetError, match=r"class folder .*violet is empty"):
        find_photographs(tmp_path)


def test_a_single_class_is_refused(tmp_path):
    (tmp_path / "only").mkdir()
    (tmp_path / "only" / "1.png").touch()

    with pytest.raises(DatasetError, match="at least two"):
        find_photographs(tmp_path)


def test_a_class_that_only_the_test_split_has_is_refused(tmp_path):
    write_classes(tmp_path / "train", per_class=1)
    write_classes(tmp_path / "test", per_class=1)
    (tmp_path / "test" / "violet").mkdir()
    (tmp_path / "test" / "violet" / "1.png").touch()

    with pytest.raises(DatasetError, match="'violet'"):
        find_photographs(tmp_path)
