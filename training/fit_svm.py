"""Fits a linear support vector machine on a network's features and makes it the network's last layer."""

from __future__ import annotations

from training.inference import infer
from training.networks import Classifier
from training.recipe import Svm
from training.samples import Samples
from training.svm import LinearSvm, fit_linear_svm


def fit_svm(classifier: Classifier, svm: Svm, *, samples: Samples, seed: int, progress: bool) -> LinearSvm:
    """Fit on the samples and change the classifier in place: its logits are the machine's decision values.

    Raises:
        FitError: a class has fewer than two samples, or the features are no numbers.
    """
    features = infer(classifier.features, samples, description="features", progress=progress)
    machine = fit_linear_svm(features, samples.labels, costs=svm.costs, folds=svm.folds, seed=seed)
    classifier.model.get_layer("logits").set_weights([machine.kernel])
    return machine
