from __future__ import annotations

import numpy as np
import pytest

from training.advice.separability import is_better, rightly_answered, separability

LABELS = np.repeat([0, 1, 2], 20)


def _features(*, telling):
    noise = np.random.default_rng(0).normal(size=(len(LABELS), 8))
    return (noise + 6 * telling * np.eye(8)[LABELS]).astype(np.float32)


def test_features_that_tell_the_classes_apart_answer_nearly_all_rightly():
    measured = separability(rightly_answered(_features(telling=1), LABELS), LABELS)

    assert measured.accuracy >= 0.95
    assert measured.chance == pytest.approx(1 / 3)


def test_features_that_say_nothing_answer_as_chance_does():
    measured = separability(rightly_answered(_features(telling=0), LABELS), LABELS)

    assert measured.low < measured.chance < measured.high


def test_the_interval_is_wilsons():
    right = np.arange(100) < 90

    measured = separability(right, np.arange(100) % 2)

    assert (measured.low, measured.high) == pytest.approx((0.8256, 0.9448), abs=1e-4)


def test_two_photographs_a_class_are_enough_to_be_measured():
    right = rightly_answered(np.array([[0], [0.1], [9], [9.1]], dtype=np.float32), np.array([0, 0, 1, 1]))

    assert right.all()


@pytest.mark.parametrize(
    ("gained", "lost", "expected"), [(6, 0, True), (5, 0, False), (0, 6, False), (0, 0, False)]
)
def test_better_is_decided_on_the_images_that_one_alone_answers(gained, lost, expected):
    one = np.array([True] * gained + [False] * lost + [True] * 50)
    other = np.array([False] * gained + [True] * lost + [True] * 50)

    assert is_better(one, other) is expected
