"""Fits a linear support vector machine on a network's features and makes it the network's last layer."""

from __future__ import annotations

from training.inference import infer
from training.networks import Classifier
from training.recipe import Recipe, Svm
from training.samples import Samples
from training.svm import LinearSvm, fit_linear_svm


def fit_svm(
    classifier: Classifier, recipe: Recipe, *, samples: Samples, seed: int, progress: bool
) -> LinearSvm:
    """Fit on the samples and change the classifier in place: its logits are the machine's decision values.

    Args:
        classifier: of the recipe.
        recipe: with a machine.
        samples: of pixels.
        seed: of the folds and of the solver.
        progress: whether to show a progress bar.

    Raises:
        DatasetError: a class has fewer than two samples.
        FitError: the features are no numbers.
    """
    svm = recipe.svm or Svm()
    features = infer(classifier.features, samples, description="features", progress=progress)
    machine = fit_linear_svm(
        features,
        samples.labels,
        costs=svm.costs,
        folds=svm.folds,
        seed=seed,
        balanced=recipe.class_weights,
    )
    classifier.model.get_layer("logits").set_weights([machine.kernel])
    return machine
