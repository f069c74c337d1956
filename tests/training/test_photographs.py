from __future__ import annotations

import os

import pytest

from training.errors import DatasetError
from training.photographs import check_can_be_learnt, find_photographs, labels_of, loose_files

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


def _check(root):
    check_can_be_learnt(root, find_photographs(root))


def test_a_single_class_is_found_but_cannot_be_learnt(tmp_path):
    (tmp_path / "only").mkdir()
    (tmp_path / "only" / "1.png").touch()

    assert labels_of(find_photographs(tmp_path)) == ("only",)
    with pytest.raises(DatasetError, match="the class 'only' alone; at least two"):
        _check(tmp_path)


@pytest.mark.parametrize("name", ["unknown", "Unknown", "UNKNOWN"])
def test_a_class_with_the_name_that_stands_for_none_is_found_but_cannot_be_learnt(tmp_path, name):
    write_classes(tmp_path, per_class=1)
    (tmp_path / "blue").rename(tmp_path / name)

    assert name in labels_of(find_photographs(tmp_path))
    with pytest.raises(DatasetError, match=f"a class cannot be called '{name}'"):
        _check(tmp_path)


def test_a_class_that_the_validation_split_lacks_is_found_but_cannot_be_learnt(tmp_path):
    for split in ("train", "validation"):
        write_classes(tmp_path / split, per_class=1)
    (tmp_path / "validation" / "blue" / "000.png").unlink()
    (tmp_path / "validation" / "blue").rmdir()

    assert {p.split for p in find_photographs(tmp_path)} == {"train", "validation"}
    with pytest.raises(DatasetError, match="validation/ has no folder for the class 'blue'"):
        _check(tmp_path)


def test_a_class_that_only_the_test_split_lacks_can_be_learnt(tmp_path):
    write_classes(tmp_path / "train", per_class=1)
    (tmp_path / "test" / "blue").mkdir(parents=True)
    (tmp_path / "test" / "blue" / "1.png").touch()

    _check(tmp_path)


def test_a_tree_without_a_class_is_refused(tmp_path):
    (tmp_path / "1.png").touch()

    with pytest.raises(DatasetError, match="no class folder in"):
        find_photographs(tmp_path)


def test_a_class_that_only_the_test_split_has_is_found_but_cannot_be_learnt(tmp_path):
    write_classes(tmp_path / "train", per_class=1)
    write_classes(tmp_path / "test", per_class=1)
    (tmp_path / "test" / "violet").mkdir()
    (tmp_path / "test" / "violet" / "1.png").touch()

    assert "violet" in labels_of(find_photographs(tmp_path))
    with pytest.raises(DatasetError, match="'violet'"):
        _check(tmp_path)


def test_a_tree_of_a_test_split_alone_is_found_but_cannot_be_learnt(tmp_path):
    write_classes(tmp_path / "test", per_class=1)

    assert {p.split for p in find_photographs(tmp_path)} == {"test"}
    with pytest.raises(DatasetError, match="no train/ folder"):
        _check(tmp_path)


@pytest.mark.parametrize("name", ["val", "valid", "dev", "Test"])
def test_a_folder_beside_train_that_is_no_split_is_refused_with_the_names_that_are(tmp_path, name):
    write_classes(tmp_path / "train", per_class=1)
    write_classes(tmp_path / name, per_class=1)

    with pytest.raises(DatasetError, match=f"/{name} stands beside train/: .* train, validation and test"):
        find_photographs(tmp_path)


def test_links_that_form_a_ring_end_and_stand_for_themselves(tmp_path):
    write_classes(tmp_path, per_class=1)
    (tmp_path / "blue" / "deeper").mkdir()
    (tmp_path / "blue" / "deeper" / "ring").symlink_to(tmp_path / "blue")

    relative = [p.relative for p in find_photographs(tmp_path) if p.label == "blue"]

    assert relative == ["blue/000.png", "blue/deeper/ring"]


def test_files_beside_the_class_folders_are_told(tmp_path):
    for split in ("train", "test"):
        write_classes(tmp_path / split, per_class=1)
    (tmp_path / "readme.txt").touch()
    (tmp_path / "test" / "lost.png").touch()
    (tmp_path / "test" / ".hidden").touch()

    assert loose_files(tmp_path) == ("readme.txt", "test/lost.png")


def test_a_class_whose_name_is_no_utf_8_is_refused_and_such_a_file_is_escaped(tmp_path):
    write_classes(tmp_path, per_class=1)
    odd = os.fsdecode(b"odd\xff.png")
    (tmp_path / "blue" / odd).touch()

    assert "blue/odd\\udcff.png" in [p.relative for p in find_photographs(tmp_path)]

    (tmp_path / os.fsdecode(b"caf\xe9")).mkdir()
    with pytest.raises(DatasetError, match=r"caf\\udce9 has a name that is no UTF-8"):
        find_photographs(tmp_path)
