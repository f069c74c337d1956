from __future__ import annotations

import numpy as np
import pytest

from training.calibration import calibrate, fit_temperature, log_loss, softmax, threshold_for


def _noisy_logits(*, sharpness, images=2000):
    """Logits whose true probabilities are known, made sharper or flatter than they should be."""
    rng = np.random.default_rng(0)
    logits = rng.normal(0, 1.5, (images, 4))
    labels = np.array([rng.choice(4, p=p) for p in softmax(logits)])
    return logits * sharpness, labels


@pytest.mark.parametrize("sharpness", [0.5, 1.0, 4.0])
def test_the_temperature_undoes_what_made_the_logits_too_sharp_or_too_flat(sharpness):
    logits, labels = _noisy_logits(sharpness=sharpness)

    temperature = fit_temperature(logits, labels)

    assert temperature == pytest.approx(sharpness, rel=0.1)


def test_the_temperature_improves_the_log_loss_and_no_top_label_changes():
    logits, labels = _noisy_logits(sharpness=3.0)

    calibrated = softmax(logits, fit_temperature(logits, labels))

    assert log_loss(calibrated, labels) < log_loss(softmax(logits), labels) - 0.1
    assert np.array_equal(calibrated.argmax(axis=1), logits.argmax(axis=1))


def test_no_other_temperature_between_the_bounds_has_a_lower_log_loss():
    logits, labels = _noisy_logits(sharpness=2.0)

    best = log_loss(softmax(logits, fit_temperature(logits, labels)), labels)

    others = np.geomspace(0.25, 10, 200)
    assert best <= min(log_loss(softmax(logits, other), labels) for other in others)


def test_the_calibration_error_falls():
    logits, labels = _noisy_logits(sharpness=3.0)

    calibration = calibrate(logits, labels, coverage=0.95)

    assert calibration.error_after < 0.05 < calibration.error_before
    assert not calibration.at_bound
    assert calibration.notes == ()


def test_a_split_without_a_mistake_ends_at_the_lower_bound_and_says_so():
    logits = np.random.default_rng(0).normal(0, 1, (300, 3))

    calibration = calibrate(logits, logits.argmax(axis=1), coverage=0.95)

    assert (calibration.temperature, calibration.at_bound) == (0.25, True)
    assert "lower bound of 0.25" in calibration.notes[0]


def test_logits_that_say_nothing_of_the_labels_end_at_the_upper_bound_and_it_says_so():
    rng = np.random.default_rng(0)

    calibration = calibrate(rng.normal(0, 100, (300, 3)), rng.integers(0, 3, 300), coverage=0.95)

    assert (calibration.temperature, calibration.at_bound) == (10.0, True)
    assert "upper bound of 10" in calibration.notes[0]


def test_sure_and_wrong_logits_far_below_the_smallest_probability_still_count():
    """Some answers wrong by 1000: a loss cut off at a smallest p would not see that T makes them better."""
    logits, labels = np.tile([1000.0, 0.0], (100, 1)), np.zeros(100, np.int64)
    labels[:10] = 1

    assert fit_temperature(logits, labels) == 10.0


def test_where_every_temperature_does_equally_well_it_is_1():
    assert fit_temperature(np.zeros((5, 3)), np.array([0, 1, 2, 0, 1])) == 1.0


def test_fewer_than_a_hundred_images_are_said():
    logits, labels = _noisy_logits(sharpness=1.0, images=99)

    (note,) = calibrate(logits, labels, coverage=0.95).notes

    assert note.startswith("Only 99 images")


@pytest.mark.parametrize("coverage", [0.05, 0.5, 0.55, 0.95, 1.0])
@pytest.mark.parametrize("images", [1, 2, 3, 19, 20, 500])
def test_the_threshold_answers_at_least_the_share_asked_for(coverage, images):
    top = np.round(np.random.default_rng(images).uniform(0.3, 1, images), 6)

    threshold = threshold_for(top, coverage=coverage)

    assert (top >= threshold).mean() >= coverage
    assert threshold == round(threshold, 4)


@pytest.mark.parametrize(("coverage", "answered"), [(0.95, 475), (0.9, 450), (0.55, 275)])
def test_the_threshold_answers_hardly_more_than_was_asked_for(coverage, answered):
    top = np.linspace(0.5, 0.999, 500)

    assert (top >= threshold_for(top, coverage=coverage)).sum() == pytest.approx(answered, abs=1)


def test_ties_at_the_threshold_are_answered_together():
    top = np.array([0.9] * 5 + [0.6] * 5)

    assert (top >= threshold_for(top, coverage=0.7)).all()


def test_the_image_that_sets_the_threshold_is_answered_though_its_last_digits_move():
    top = np.full(20, 1.0)

    threshold = threshold_for(top, coverage=0.95)

    assert threshold == 0.9999


def test_one_image_is_enough():
    calibration = calibrate(np.array([[2.0, 1.0]]), np.array([0]), coverage=0.95)

    assert calibration.images == 1
    assert len(calibration.notes) == 2
