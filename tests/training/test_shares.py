from __future__ import annotations

import pytest

from training.errors import DatasetError
from training.shares import Count, Fraction, Shares


@pytest.mark.parametrize(
    ("shares", "photographs", "expected"),
    [
        (Shares(), 80, (56, 12, 12)),
        (Shares(), 3, (1, 1, 1)),
        (Shares(train=Count(60), validation=Count(10), test=Count(10)), 90, (60, 10, 10)),
        (Shares(train=Fraction(0.7)), 10, (6, 2, 2)),
        (Shares(train=Fraction(0.5), validation=Count(0)), 20, (10, 0, 3)),
        (Shares(train=Fraction(1.0), validation=Count(0), test=Fraction(0.0)), 2, (2, 0, 0)),
    ],
)
def test_counts_of_train_validation_and_test(shares, photographs, expected):
    counts = shares.counts("iris", photographs)

    assert (counts["train"], counts["validation"], counts["test"]) == expected


@pytest.mark.parametrize(
    ("shares", "photographs", "message"),
    [
        (Shares(), 2, "'iris' has 2 different photographs, too few for 1 in train, 1 in validation"),
        (Shares(train=Count(60), validation=Count(10), test=Count(10)), 79, "79 .* too few for 60 in train"),
        (Shares(train=Count(0)), 80, "too few for 1 in train"),
        (Shares(test=Count(20), folds=5), 80, "80 .* too few for 5 folds that test 20 each"),
    ],
)
def test_too_small_a_class_is_refused_by_name(shares, photographs, message):
    with pytest.raises(DatasetError, match=message):
        shares.counts("iris", photographs)


def test_what_no_class_could_follow_is_refused_at_once():
    with pytest.raises(DatasetError, match="more than 1 together"):
        Shares(train=Fraction(0.8))
    with pytest.raises(DatasetError, match="5 folds differ in their test split"):
        Shares(test=Count(0), folds=5)


def test_fractions_that_are_one_but_for_rounding_are_taken():
    shares = Shares(train=Fraction(0.7), validation=Fraction(0.2), test=Fraction(0.1))

    assert shares.counts("iris", 10) == {"train": 7, "validation": 2, "test": 1}
