from __future__ import annotations

import numpy as np
import pytest

from training.calibration import fit_temperature, log_loss, softmax


def _noisy_logits(*, sharpness):
    """Logits whose true probabilities are known, made sharper or flatter than they should be."""
    rng = np.random.default_rng(0)
    logits = rng.normal(0, 1.5, (2000, 4))
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


def test_a_split_without_a_mistake_says_nothing_about_confidence():
    assert fit_temperature(np.eye(3) * 2.0, np.arange(3)) == 1.0
