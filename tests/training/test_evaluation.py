from __future__ import annotations

import json

import numpy as np
import pytest

from training.calibration import calibrate, softmax
from training.evaluation import (
    ClassFigures,
    calibration_facts,
    evaluate_probabilities,
    reference_facts,
    wilson_interval,
)
from training.reliability import calibration_error

LABELS = ("a", "b", "c")
PROBABILITIES = np.array([[0.7, 0.2, 0.1], [0.4, 0.5, 0.1], [0.1, 0.8, 0.1], [0.2, 0.5, 0.3]])
TRUTH = np.array([0, 0, 1, 1])


def test_figures_of_four_answers():
    evaluation = evaluate_probabilities(PROBABILITIES, TRUTH, labels=LABELS)

    assert evaluation.accuracy == 0.75
    assert evaluation.log_loss == pytest.approx(-np.log([0.7, 0.4, 0.8, 0.5]).mean())
    assert evaluation.confusion == ((1, 1, 0), (0, 2, 0), (0, 0, 0))
    assert evaluation.metrics()["images"] == 4


def test_the_reference_for_drift_is_what_was_answered_not_what_was_right():
    evaluation = evaluate_probabilities(PROBABILITIES, TRUTH, labels=LABELS, unknown_threshold=0.6)

    reference = reference_facts(evaluation)

    assert reference.images == 4
    assert reference.label_shares == (0.25, 0.75, 0.0)
    assert reference.top_probability == pytest.approx((0.7 + 0.5 + 0.8 + 0.5) / 4)
    assert reference.unknown_share == 0.5


def test_each_class_has_its_count_precision_and_recall():
    a, b, c = evaluate_probabilities(PROBABILITIES, TRUTH, labels=LABELS).classes

    assert a == ClassFigures(label="a", images=2, precision=1.0, recall=0.5)
    assert b == ClassFigures(label="b", images=2, precision=2 / 3, recall=1.0)
    assert c == ClassFigures(label="c", images=0, precision=None, recall=None)


def test_accuracy_counts_all_images_and_the_share_under_the_threshold_stands_beside_it():
    evaluation = evaluate_probabilities(PROBABILITIES, TRUTH, labels=LABELS, unknown_threshold=0.6)

    assert (evaluation.accuracy, evaluation.below_threshold) == (0.75, 0.5)
    assert evaluation.covered_accuracy == 1.0


def test_a_threshold_above_all_answers_leaves_no_accuracy_of_the_covered():
    evaluation = evaluate_probabilities(PROBABILITIES, TRUTH, labels=LABELS, unknown_threshold=0.9)

    assert (evaluation.below_threshold, evaluation.covered_accuracy) == (1.0, None)


def test_probabilities_are_rounded_before_the_threshold_as_in_an_answer():
    probabilities = np.array([[0.49999999, 0.3, 0.20000001]])

    evaluation = evaluate_probabilities(probabilities, TRUTH[:1], labels=LABELS, unknown_threshold=0.5)

    assert evaluation.below_threshold == 0.0


@pytest.mark.parametrize(
    ("successes", "of", "low", "high"),
    [  # Newcombe 1998, 'Two-sided confidence intervals for the single proportion', table I, method 3
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0, 0.1611),
        (1, 29, 0.0061, 0.1718),
    ],
)
def test_the_interval_is_wilsons(successes, of, low, high):
    assert wilson_interval(successes, of=of) == pytest.approx((low, high), abs=5e-5)


def test_the_interval_of_a_set_without_a_mistake_is_no_point():
    assert wilson_interval(20, of=20) == pytest.approx((1 - 0.1611, 1.0), abs=5e-5)


def test_the_calibration_error_at_temperature_1_is_that_of_the_undivided_logits():
    rng = np.random.default_rng(0)
    logits, labels = rng.normal(0, 6, (500, 3)), rng.integers(0, 3, 500)

    evaluation = evaluate_probabilities(
        softmax(logits, 4.0).astype(np.float32), labels, labels=LABELS, temperature=4.0
    )

    assert evaluation.error_before == pytest.approx(calibration_error(softmax(logits), labels), abs=1e-4)
    assert evaluation.error_after == pytest.approx(calibration_error(softmax(logits, 4.0), labels), abs=1e-4)
    assert evaluation.error_after < evaluation.error_before


def test_the_manifest_says_how_temperature_and_threshold_do_on_the_test_split():
    calibration = calibrate(np.log(PROBABILITIES), TRUTH, coverage=0.75)
    test = evaluate_probabilities(PROBABILITIES, TRUTH, labels=LABELS, unknown_threshold=0.6)

    facts = calibration_facts(calibration, test=test)

    assert (facts.images, facts.coverage, facts.test_coverage) == (4, 0.75, 0.5)
    assert facts.test_error_after == test.error_after


def test_an_evaluation_becomes_json():
    document = json.loads(json.dumps(evaluate_probabilities(PROBABILITIES, TRUTH, labels=LABELS).to_dict()))

    assert document["classes"][2] == {"label": "c", "images": 0, "precision": None, "recall": None}
    assert len(document["accuracy_interval"]) == 2
