from __future__ import annotations

import os
import shutil
from collections import Counter
from itertools import combinations
from pathlib import Path

import pytest

from training.errors import DatasetError
from training.photographs import find_photographs
from training.shares import Count, Shares
from training.split_folder import split_folder

from .pictures import KINDS, write_classes, write_picture

FLOWERS = Path(__file__).parents[3] / "shared" / "data" / "flowers17"
FEW = Shares(train=Count(6), validation=Count(2), test=Count(2))


@pytest.fixture
def source(tmp_path):
    return write_classes(tmp_path / "in", per_class=10)


def _split(source, out, **options):
    return split_folder(source, out, **({"shares": FEW, "progress": False} | options))


def _files(folder):
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*.png")}


def test_the_tree_holds_the_same_files_and_is_read_with_its_splits(source, tmp_path):
    result = _split(source, tmp_path / "out")

    found = find_photographs(tmp_path / "out")
    assert Counter((p.label, p.split) for p in found) == {
        (label, split): count
        for label in KINDS
        for split, count in (("train", 6), ("validation", 2), ("test", 2))
    }
    assert {name.split("/", 1)[1]: data for name, data in _files(tmp_path / "out").items()} == _files(source)
    assert [(p.relative, p.split) for p in result.folds[0]] == sorted(
        (p.relative.split("/", 1)[1], p.split) for p in found
    )


def test_files_are_hard_links_where_they_can_be(source, tmp_path):
    result = _split(source, tmp_path / "out")

    assert result.linked
    assert {path.stat().st_nlink for path in source.rglob("*.png")} == {2}


def test_files_on_another_disk_are_copies(source, small_disk):
    result = _split(source, small_disk / "out")

    assert not result.linked
    assert len(_files(small_disk / "out")) == 30


def test_the_draw_depends_on_the_seed_alone(source, tmp_path):
    copy = shutil.copytree(source, tmp_path / "copy")
    names = [
        sorted(_files(tmp_path / out))
        for out, folder, seed in (("one", source, 7), ("two", copy, 7), ("three", source, 8))
        if _split(folder, tmp_path / out, seed=seed)
    ]

    assert names[0] == names[1]
    assert names[0] != names[2]


def test_folds_test_every_photograph_once_and_learn_from_none_of_what_they_test(source, tmp_path):
    _split(source, tmp_path / "out", shares=Shares(validation=Count(2), test=Count(2), folds=5))

    folds = [tmp_path / "out" / f"fold-{number}" for number in range(1, 6)]
    tested = [set(_files(fold / "test")) for fold in folds]
    assert all(not one & other for one, other in combinations(tested, 2))
    assert set().union(*tested) == set(_files(source))
    for fold in folds:
        parts = [_files(fold / split).keys() for split in ("train", "validation", "test")]
        assert sorted(name for part in parts for name in part) == sorted(_files(source))


@pytest.mark.parametrize("folds", [1, 4])
def test_equal_bytes_are_never_in_two_splits(source, tmp_path, folds):
    for number in range(4):
        shutil.copy(source / "blue" / f"{number:03}.png", source / "blue" / f"copy_{number}.png")
        shutil.copy(source / "blue" / f"{number:03}.png", source / "green" / f"copy_{number}.png")
    write_picture(source / "green" / "more.png", KINDS["green"], seed=99)

    _split(source, tmp_path / "out", shares=Shares(folds=folds))

    for tree in [tmp_path / "out"] if folds == 1 else list((tmp_path / "out").iterdir()):
        contents = [set(_files(tree / split).values()) for split in ("train", "validation", "test")]
        assert all(not one & other for one, other in combinations(contents, 2))
        assert len(_files(tree)) == 39


def test_a_flat_folder_is_split_by_its_ranges(tmp_path):
    for number in range(1, 21):
        write_picture(tmp_path / "in" / f"image_{number:04}.png", (200, 10 * number, 0), seed=number)
    ranges = tmp_path / "in" / "labels.txt"
    ranges.write_text("Tulip 1–10\nIris 11–20\n", "utf-8")  # noqa: RUF001 - as in the published list

    _split(tmp_path / "in", tmp_path / "out", ranges=ranges)

    found = find_photographs(tmp_path / "out")
    assert Counter((p.label, p.split) for p in found)["Iris", "train"] == 6
    assert all((int(p.path.stem[-4:]) <= 10) == (p.label == "Tulip") for p in found)


def test_only_the_classes_asked_for_are_taken(source, tmp_path):
    _split(source, tmp_path / "out", classes=("blue", "green"))

    assert {p.label for p in find_photographs(tmp_path / "out")} == {"blue", "green"}
    with pytest.raises(DatasetError, match="no class is called 'violet'; there are amber, blue, green"):
        _split(source, tmp_path / "other", classes=("blue", "violet"))


def test_what_is_no_image_counts_for_nothing_and_is_told(source, tmp_path):
    (source / "blue" / "notes.jpg").write_text("text")
    (source / "readme.txt").touch()

    result = _split(source, tmp_path / "out")

    assert [(entry.path, entry.code) for entry in result.left_out] == [
        ("blue/notes.jpg", "unsupported_format"),
        ("readme.txt", "no_class_folder"),
    ]


def test_a_symbolic_link_becomes_the_file_it_leads_to(source, tmp_path):
    real = (source / "blue" / "000.png").rename(tmp_path / "real.png")
    (source / "blue" / "000.png").symlink_to(real)

    _split(source, tmp_path / "out")

    [written] = (tmp_path / "out").rglob("blue/000.png")
    assert not written.is_symlink()
    assert written.samefile(real)


def test_deeper_folders_and_odd_names_travel(source, tmp_path):
    (source / "blue" / "deeper").mkdir()
    (source / "blue" / "000.png").rename(source / "blue" / "deeper" / os.fsdecode(b"caf\xe9.png"))

    _split(source, tmp_path / "out")

    assert [path.name for path in (tmp_path / "out").rglob("blue/deeper/*")] == ["caf\\udce9.png"]


@pytest.mark.parametrize("name", ["unknown", "Unknown"])
def test_the_name_that_stands_for_no_class_is_refused(source, tmp_path, name):
    (source / "blue").rename(source / name)

    with pytest.raises(DatasetError, match=f"a class cannot be called '{name}'"):
        _split(source, tmp_path / "out")


def test_what_is_split_already_is_refused(source, tmp_path):
    _split(source, tmp_path / "out")

    with pytest.raises(DatasetError, match="out is split already"):
        _split(tmp_path / "out", tmp_path / "again")


def test_an_existing_target_is_refused_and_left_as_it_is(source, tmp_path):
    (tmp_path / "out").mkdir()

    with pytest.raises(DatasetError, match="out exists already"):
        _split(source, tmp_path / "out")

    assert list((tmp_path / "out").iterdir()) == []


def test_a_target_within_the_source_is_refused(source):
    with pytest.raises(DatasetError, match="lies in"):
        _split(source, source / "out")


def test_a_class_of_too_few_is_refused_and_nothing_is_written(source, tmp_path):
    (source / "blue" / "000.png").write_bytes(b"")

    with pytest.raises(DatasetError, match="'blue' has 9 different photographs, too few for 6 in train"):
        _split(source, tmp_path / "out")

    assert list(tmp_path.iterdir()) == [source]


def test_a_full_disk_is_one_clear_line_and_nothing_stays(tmp_path, small_disk):
    source = write_classes(tmp_path / "in", per_class=40)

    with pytest.raises(DatasetError, match=r"cannot write .*out: No space left"):
        _split(source, small_disk / "out", shares=Shares())

    assert list(small_disk.iterdir()) == []


@pytest.mark.shared
@pytest.mark.skipif(not FLOWERS.is_dir(), reason="the photographs are not on this machine")
def test_the_flowers_make_five_folds_of_170_to_test(tmp_path):
    shares = Shares(train=Count(60), validation=Count(10), test=Count(10), folds=5)

    result = _split(FLOWERS, tmp_path / "out", shares=shares)

    tested = [p.relative for fold in result.folds for p in fold if p.split == "test"]
    assert len(set(tested)) == len(tested) == 850
    assert [Counter(p.split for p in fold)["train"] for fold in result.folds] == [1020] * 5
