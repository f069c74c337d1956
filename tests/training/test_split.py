from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from training.errors import DatasetError
from training.photographs import Photograph
from training.split import assign_splits


def _class(label, count, *, split=None):
    prefix = f"{split}/" if split else ""
    return [
        Photograph(path=Path("x"), relative=f"{prefix}{label}/{n:03d}", label=label, split=split)
        for n in range(count)
    ]


def _splits(photographs):
    return {p.relative: p.split for p in photographs}


def test_every_class_is_split_by_the_same_fractions():
    assigned = assign_splits([*_class("a", 40), *_class("b", 20)], seed=0)

    assert Counter((p.label, p.split) for p in assigned) == {
        ("a", "train"): 28, ("a", "validation"): 6, ("a", "test"): 6,
        ("b", "train"): 14, ("b", "validation"): 3, ("b", "test"): 3,
    }  # fmt: skip


def test_the_split_depends_on_the_seed_and_not_on_the_order_of_the_files():
    photographs = [*_class("a", 30), *_class("b", 30)]

    first = _splits(assign_splits(photographs, seed=7))

    assert first == _splits(assign_splits(photographs[::-1], seed=7))
    assert first != _splits(assign_splits(photographs, seed=8))


@pytest.mark.parametrize("count", [3, 4, 5])
def test_a_small_class_has_a_photograph_in_every_split(count):
    assigned = assign_splits([*_class("a", count), *_class("b", count)], seed=0)

    for label in "ab":
        assert {p.split for p in assigned if p.label == label} == {"train", "validation", "test"}


def test_a_class_of_two_is_learnt_from_alone():
    assigned = assign_splits([*_class("a", 2), *_class("b", 9)], seed=0)

    assert {p.split for p in assigned if p.label == "a"} == {"train"}


def test_a_missing_validation_folder_is_drawn_from_train_and_the_test_folder_stays():
    photographs = [
        p for label in "ab" for s, n in (("train", 20), ("test", 4)) for p in _class(label, n, split=s)
    ]

    assigned = assign_splits(photographs, seed=0)

    assert Counter(p.split for p in assigned) == {"train": 34, "validation": 6, "test": 8}
    assert all(p.relative.startswith("test/") == (p.split == "test") for p in assigned)


def test_too_few_photographs_are_refused():
    with pytest.raises(DatasetError, match="validation"):
        assign_splits([*_class("a", 2), *_class("b", 2)], seed=0)
