from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from training.recipe import Augmentation, Head
from training.samples import class_weights

from .small_fits import coloured, fitted, with_stage


def test_every_class_counts_the_same_however_many_images_it_has():
    labels = np.array([0] * 6 + [1] * 3 + [2])

    weights = class_weights(labels, 3)

    assert weights == pytest.approx([10 / 18, 10 / 9, 10 / 3])
    assert weights.dtype == np.float32
    assert weights[labels].sum() == pytest.approx(len(labels))  # the rate means what it meant


def test_a_class_without_images_is_no_division_by_zero():
    assert class_weights(np.array([0, 0]), 2).tolist() == [0.5, 0.0]


def _unbalanced(count, *, seed, rare):
    """Two classes that overlap, told apart by the mean of a channel; every `rare`th is of the second."""
    samples = coloured(count, seed=seed, classes=2)
    labels = (np.arange(count) % rare == 0).astype(np.int64)
    rng = np.random.default_rng(seed)
    levels = np.clip(rng.normal(110 + 30 * labels, 20), 0, 255)
    pixels = np.broadcast_to(levels[:, None, None, None], samples.values.shape).astype(np.uint8)
    return replace(samples, values=pixels, labels=labels)


@pytest.mark.tensorflow
@pytest.mark.slow
def test_the_weighted_fit_finds_the_rare_class(tiny_recipe, tmp_path):
    recipe = with_stage(tiny_recipe, epochs=12, rate=0.003, keep="last")
    recipe = replace(recipe, augmentation=Augmentation(), head=Head(pooling="average", hidden=(8,)))
    samples = {
        "train": _unbalanced(200, seed=0, rare=20),
        "validation": _unbalanced(40, seed=1, rare=2),
    }

    recalls = []
    for weighted in (False, True):
        classifier, _ = fitted(replace(recipe, class_weights=weighted), samples, tmp_path)
        validation = samples["validation"]
        answers = np.asarray(classifier.model(validation.values, training=False)).argmax(axis=1)
        recalls.append((answers[validation.labels == 1] == 1).mean())

    unweighted, weighted = recalls
    assert weighted >= 0.6
    assert weighted > unweighted + 0.3
