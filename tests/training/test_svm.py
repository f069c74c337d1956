from __future__ import annotations

import warnings

import numpy as np
import pytest
from sklearn.svm import LinearSVC

from training.calibration import calibrate, fit_temperature, softmax
from training.errors import DatasetError, FitError
from training.svm import fit_linear_svm

COSTS = (0.01, 0.1, 1.0, 10.0)


def _features(*, classes, per_class=40, size=64, spread=12.0):
    """Overlapping clusters of values from 0 up, as relu and average pooling give them."""
    rng = np.random.default_rng(classes)
    centres = rng.gamma(1.0, 10.0, (classes, size))
    labels = rng.permutation(np.repeat(np.arange(classes), per_class))
    features = np.maximum(centres[labels] + rng.normal(0, spread, (len(labels), size)), 0)
    return features.astype(np.float32), labels


def _fit(features, labels, *, costs=COSTS, folds=5, seed=0):
    return fit_linear_svm(features, labels, costs=costs, folds=folds, seed=seed)


@pytest.mark.parametrize("classes", [2, 5])
@pytest.mark.parametrize("spread", [12.0, 30.0])
def test_the_top_logit_is_the_label_scikit_learn_predicts(classes, spread):
    features, labels = _features(classes=classes, spread=spread)
    new, _ = _features(classes=classes, spread=2 * spread)

    svm = _fit(features, labels)

    norm = np.sqrt((features.astype(np.float64) ** 2).sum(axis=1).mean())
    reference = LinearSVC(C=svm.cost, fit_intercept=False, max_iter=100_000, random_state=0)
    reference.fit(features / norm, labels)
    assert np.array_equal((new @ svm.kernel).argmax(axis=1), reference.predict(new / norm))
    assert svm.kernel.shape == (64, classes)
    assert svm.kernel.dtype == np.float32


def test_two_classes_have_the_decision_value_with_either_sign():
    features, labels = _features(classes=2)

    svm = _fit(features, labels)

    assert np.array_equal(svm.kernel[:, 0], -svm.kernel[:, 1])
    assert np.array_equal(svm.out_of_fold_logits[:, 0], -svm.out_of_fold_logits[:, 1])


@pytest.mark.parametrize("classes", [2, 3])
def test_out_of_fold_logits_are_those_of_images_not_fitted_on(classes):
    """Random labels can be learnt by heart, with more features than images, but not predicted."""
    rng = np.random.default_rng(0)
    features = rng.normal(0, 1, (60, 200)).astype(np.float32)
    labels = np.arange(60) % classes

    svm = _fit(features, labels, costs=(100.0,))

    assert ((features @ svm.kernel).argmax(axis=1) == labels).all()
    assert svm.cross_validation_accuracy < 0.7
    assert svm.cross_validation_accuracy == (svm.out_of_fold_logits.argmax(axis=1) == labels).mean()


def test_the_cost_is_the_one_that_predicts_best():
    features, labels = _features(classes=3, spread=25.0)

    accuracies = {cost: _fit(features, labels, costs=(cost,)).cross_validation_accuracy for cost in COSTS}

    chosen = _fit(features, labels)
    assert chosen.cross_validation_accuracy == accuracies[chosen.cost] == max(accuracies.values())


def test_of_equally_good_costs_the_one_with_the_best_probabilities_is_taken():
    features, labels = _features(classes=2, spread=1.0)

    svm = _fit(features, labels)

    assert (svm.cost, svm.cross_validation_accuracy) == (max(COSTS), 1.0)
    sure = softmax(svm.out_of_fold_logits, fit_temperature(svm.out_of_fold_logits, labels)).max(axis=1)
    assert sure.mean() > 0.95


def test_features_of_another_scale_give_the_same_cost_and_labels():
    features, labels = _features(classes=3)

    small, large = _fit(features, labels), _fit(features * 1024, labels)

    assert small.cost == large.cost
    np.testing.assert_allclose(features @ small.kernel, 1024 * features @ large.kernel, rtol=1e-3, atol=1e-3)


def test_the_same_seed_gives_the_same_machine():
    features, labels = _features(classes=3, spread=25.0)

    first, second, other = (_fit(features, labels, seed=seed) for seed in (7, 7, 8))

    assert np.array_equal(first.kernel, second.kernel)
    assert np.array_equal(first.out_of_fold_logits, second.out_of_fold_logits)
    assert not np.array_equal(first.out_of_fold_logits, other.out_of_fold_logits)


def test_the_margins_can_be_calibrated():
    features, labels = _features(classes=5, spread=30.0)

    calibration = calibrate(_fit(features, labels).out_of_fold_logits, labels, coverage=0.95)

    assert calibration.error_after < calibration.error_before


def test_a_class_with_fewer_images_than_folds_means_fewer_folds():
    features, labels = _features(classes=3)
    kept = np.concatenate([np.flatnonzero(labels != 2), np.flatnonzero(labels == 2)[:3]])

    assert _fit(features[kept], labels[kept]).folds == 3


def test_a_class_of_one_image_is_refused():
    features, labels = _features(classes=2)
    kept = np.concatenate([np.flatnonzero(labels == 0), np.flatnonzero(labels == 1)[:1]])

    with pytest.raises(DatasetError, match="fewer than 2 training images"):
        _fit(features[kept], labels[kept])


@pytest.mark.parametrize("value", [0.0, np.nan, np.inf])
def test_features_that_say_nothing_are_refused(value):
    with pytest.raises(FitError, match="all 0 or no numbers"):
        _fit(np.full((20, 4), value, np.float32), np.arange(20) % 2)


def test_a_fit_that_does_not_end_is_said_and_not_warned_of():
    """The same images with both labels, and mistakes that cost nearly everything."""
    features, labels = _features(classes=2, per_class=10)
    features, labels = np.concatenate([features, features]), np.concatenate([labels, 1 - labels])

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        hard, easy = (_fit(features, labels, costs=(cost,)) for cost in (1e9, 0.01))

    assert (hard.converged, easy.converged) == (False, True)
