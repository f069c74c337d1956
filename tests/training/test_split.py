from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from training.errors import DatasetError
from training.photographs import Photograph
from training.split import assign_splits


def _class(label, count, *, split=None, first=0):
    prefix = f"{split}/" if split else ""
    return [
        Photograph(path=Path("x"), relative=f"{prefix}{label}/{n:03d}", label=label, split=split)
        for n in range(first, first + count)
    ]


def _assign(photographs, *, seed=0, content=lambda relative: relative, left_out=()):
    """Split photographs; files of equal `content` have equal bytes, and some were left out before."""
    sha256 = {p.relative: content(p.relative) for p in (*photographs, *left_out)}
    folders = {p.split for p in (*photographs, *left_out)} - {None}
    return assign_splits(photographs, sha256=sha256, seed=seed, folders=folders)


def _within_split(relative):
    """A content that every split has under the same name."""
    return relative.partition("/")[2]


def _splits(photographs):
    return {p.relative: p.split for p in photographs}


def test_every_class_is_split_by_the_same_fractions():
    assigned = _assign([*_class("a", 40), *_class("b", 20)])

    assert Counter((p.label, p.split) for p in assigned) == {
        ("a", "train"): 28, ("a", "validation"): 6, ("a", "test"): 6,
        ("b", "train"): 14, ("b", "validation"): 3, ("b", "test"): 3,
    }  # fmt: skip


def test_the_split_depends_on_the_seed_and_not_on_the_order_of_the_files():
    photographs = [*_class("a", 30), *_class("b", 30)]

    first = _splits(_assign(photographs, seed=7))

    assert first == _splits(_assign(photographs[::-1], seed=7))
    assert first != _splits(_assign(photographs, seed=8))


@pytest.mark.parametrize("seed", range(5))
def test_files_of_equal_bytes_are_never_in_two_splits(seed):
    """Every photograph is there three times, the third time under the other class."""
    photographs = [*_class("a", 40), *_class("b", 20, first=20)]

    assigned = _assign(photographs, seed=seed, content=lambda relative: str(int(relative[-3:]) % 20))

    splits = {}
    for photograph in assigned:
        splits.setdefault(int(photograph.relative[-3:]) % 20, set()).add(photograph.split)
    assert all(len(found) == 1 for found in splits.values())
    assert Counter(split for [split] in splits.values()) == {"train": 14, "validation": 3, "test": 3}


@pytest.mark.parametrize("count", [3, 4, 5])
def test_a_small_class_has_a_photograph_in_every_split(count):
    assigned = _assign([*_class("a", count), *_class("b", count)])

    for label in "ab":
        assert {p.split for p in assigned if p.label == label} == {"train", "validation", "test"}


@pytest.mark.parametrize(
    ("count", "has"), [(1, "1 different photograph of"), (2, "2 different photographs of")]
)
def test_a_class_of_too_few_to_be_in_every_split_is_refused_with_what_it_has_and_needs(count, has):
    with pytest.raises(
        DatasetError, match=f"'b' has {has} its own and needs 3, one each for train, validation and test$"
    ):
        _assign([*_class("a", 20), *_class("b", count), *_class("c", 20)])


def test_a_class_of_two_has_one_to_learn_from_and_one_for_the_only_split_that_is_drawn():
    tested = [p for label in "ab" for p in _class(label, 3, split="test")]

    assigned = _assign([*_class("a", 9, split="train"), *_class("b", 2, split="train"), *tested])

    assert Counter(p.split for p in assigned if p.label == "b") == {"train": 1, "validation": 1, "test": 3}


def test_a_class_of_one_is_refused_where_validation_alone_is_drawn():
    tested = [p for label in "ab" for p in _class(label, 3, split="test")]

    with pytest.raises(DatasetError, match=r"'b' has 1 .* and needs 2, one each for train and validation$"):
        _assign([*_class("a", 9, split="train"), *_class("b", 1, split="train"), *tested])


def test_copies_do_not_make_a_class_large_enough():
    with pytest.raises(DatasetError, match="'b' has 2 different photographs of its own and needs 3"):
        _assign([*_class("a", 9), *_class("b", 6)], content=lambda r: str(int(r[-3:]) % 2) if "b" in r else r)


def test_a_missing_validation_folder_is_drawn_from_train_and_the_test_folder_stays():
    photographs = [
        p for label in "ab" for s, n in (("train", 20), ("test", 4)) for p in _class(label, n, split=s)
    ]

    assigned = _assign(photographs)

    assert Counter(p.split for p in assigned) == {"train": 34, "validation": 6, "test": 8}
    assert all(p.relative.startswith("test/") == (p.split == "test") for p in assigned)


def test_where_several_classes_have_too_few_one_is_named_and_all_are_counted():
    with pytest.raises(DatasetError, match=r"'a' has 2 .* needs 3, .*; 2 classes in all have too few$"):
        _assign([*_class("a", 2), *_class("b", 2)])


def test_a_class_that_the_test_folder_lacks_is_left_to_the_report():
    assigned = _assign(
        [*_class("a", 9, split="train"), *_class("b", 9, split="train"), *_class("a", 3, split="test")]
    )

    assert {p.label for p in assigned if p.split == "test"} == {"a"}


def test_a_class_with_nothing_left_in_a_validation_folder_is_refused_by_name():
    photographs = [p for label in "ab" for p in _class(label, 9, split="train")]

    with pytest.raises(DatasetError, match="'b' has no readable photograph left in the validation split"):
        _assign([*photographs, *_class("a", 2, split="validation")])


def test_a_train_folder_of_which_nothing_is_left_is_refused():
    photographs = [p for split in ("validation", "test") for p in _class("a", 9, split=split)]

    with pytest.raises(DatasetError, match="no readable photograph is left for the train split"):
        _assign(photographs)


def test_a_class_with_nothing_left_to_learn_from_is_refused_by_name():
    """As when all of its files in train/ are unreadable, or are in test/ too."""
    photographs = [*_class("a", 9, split="train"), *_class("a", 2, split="test")]

    with pytest.raises(DatasetError, match="'b' has no readable photograph left in the train split"):
        _assign([*photographs, *_class("b", 2, split="test")])


def test_a_class_whose_photographs_were_left_out_as_copies_is_refused_with_one_of_them():
    learnt, copies = _class("a", 9, split="train"), _class("b", 2, split="train")
    validated = [
        p for label in "ab" for p in _class(label, 2, split="validation", first=20 if label == "a" else 0)
    ]

    with pytest.raises(DatasetError) as refusal:
        _assign([*learnt, *validated], content=_within_split, left_out=copies)

    assert str(refusal.value) == (
        "the class 'b' has no readable photograph left in the train split: readable ones were left out, as a "
        "held-out split has copies of them; train/b/000 is the same as validation/b/000"
    )


def test_a_file_that_is_no_image_is_not_called_a_copy():
    learnt = [p for label in "ab" for p in _class(label, 9, split="train")]

    with pytest.raises(DatasetError, match=r"left in the validation split$"):
        _assign([*learnt, *_class("a", 2, split="validation")], left_out=_class("b", 2, split="validation"))


def test_a_train_folder_that_is_all_copies_is_refused_with_one_of_them():
    tested, copies = _class("a", 9, split="test"), _class("a", 9, split="train")

    with pytest.raises(
        DatasetError, match=r"left for the train split: .* train/a/000 is the same as test/a/000$"
    ):
        _assign(tested, content=_within_split, left_out=copies)


def test_a_validation_folder_that_is_all_copies_is_not_replaced_by_a_draw():
    learnt = [p for label in "ab" for p in _class(label, 9, split="train")]
    tested, copies = (
        [p for label in "ab" for p in _class(label, 2, split=split, first=20)]
        for split in ("test", "validation")
    )

    with pytest.raises(
        DatasetError, match=r"left for the validation split: .* validation/a/020 is the same as test/a/020$"
    ):
        _assign([*learnt, *tested], content=_within_split, left_out=copies)
