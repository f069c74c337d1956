from __future__ import annotations

import numpy as np
import pytest

from training.reliability import calibration_error, reliability


def _rows(*top):
    return np.array([[p, 1 - p] for p in top])


def test_the_error_is_the_mean_gap_weighted_by_the_images_of_a_bin():
    probabilities = _rows(0.9, 0.92, 0.91, 0.61)  # bins 14 and 10 of 15
    labels = np.array([0, 1, 0, 0])

    assert calibration_error(probabilities, labels) == pytest.approx((3 * abs(0.91 - 2 / 3) + 0.39) / 4)


def test_a_bin_holds_its_upper_edge_and_not_its_lower_one():
    (bar,) = reliability(_rows(0.8, 0.8), np.array([0, 0]))

    assert (bar.low, bar.high, bar.images) == (11 / 15, 12 / 15, 2)


def test_a_probability_of_1_falls_into_the_last_bin():
    (bar,) = reliability(_rows(1.0), np.array([0]))

    assert (bar.high, bar.confidence, bar.accuracy) == (1.0, 1.0, 1.0)


def test_empty_bins_are_left_out_and_all_images_are_in_one():
    bars = reliability(_rows(0.55, 0.99, 0.97, 0.7), np.zeros(4, np.int64))

    assert sum(bar.images for bar in bars) == 4
    assert [bar.low for bar in bars] == sorted(bar.low for bar in bars)
    assert all(bar.low < bar.confidence <= bar.high for bar in bars)


def test_probabilities_that_are_the_shares_of_right_answers_have_nearly_no_error():
    rng = np.random.default_rng(0)
    top = rng.uniform(0.5, 1, 50_000)

    assert calibration_error(_rows(*top), (rng.uniform(size=50_000) > top).astype(np.int64)) < 0.01
