"""What augmentation changes, on which weights patience ends, and when a fit has failed."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from training.errors import FitError
from training.recipe import Augmentation
from training.samples import Samples

pytestmark = [pytest.mark.tensorflow, pytest.mark.slow]


def _samples(*, colours, labels, seed):
    """Noise, of which one channel (the colour, 0 to 2) is brighter."""
    pixels = np.random.default_rng(seed).integers(0, 156, (len(labels), 32, 32, 3)).astype(np.uint8)
    pixels[np.arange(len(labels)), :, :, colours] += 100
    return Samples(pixels=pixels, rows=np.arange(len(labels)), labels=np.array(labels))


@pytest.fixture
def samples():
    """What is learnt of the training split is wrong in validation: its loss rises before long."""
    return {
        "train": _samples(colours=[0, 1, 2] * 8, labels=[0, 1, 2] * 8, seed=0),
        "validation": _samples(colours=[0, 1, 2] * 4, labels=[1, 2, 0] * 4, seed=1),
    }


def _fit(recipe, samples):
    import keras

    from training.fit import fit
    from training.networks import build_classifier

    keras.utils.set_random_seed(0)
    classifier = build_classifier(recipe, classes=3)
    return classifier, fit(classifier, recipe, samples=samples, seed=0, progress=False)


def _with_stage(recipe, **changes):
    return replace(recipe, stages=(replace(recipe.stages[0], **changes),))


@pytest.mark.parametrize(
    "augmentation", [Augmentation(shear=0.3), Augmentation(zoom=0.4), Augmentation(flip=True)]
)
def test_augmentation_changes_pixels_while_fitting_and_at_no_other_time(augmentation):
    import keras

    from training.fit import _augmented

    images = keras.Input((32, 32, 3), dtype="uint8")
    as_they_are = keras.Model(images, keras.layers.Rescaling(1.0)(images))
    pixels = _samples(colours=[0] * 16, labels=[0] * 16, seed=2).pixels

    model = _augmented(as_they_are, augmentation, seed=0)

    assert np.array_equal(np.asarray(model(pixels, training=False)), pixels)
    changed = np.asarray(model(pixels, training=True))
    assert not np.array_equal(changed, pixels)
    assert 0 <= changed.min() < changed.max() <= 255


def test_patience_ends_on_the_weights_of_the_smallest_validation_loss(tiny_recipe, samples):
    import keras

    recipe = _with_stage(tiny_recipe, epochs=30, patience=4)

    classifier, history = _fit(recipe, samples)

    losses = [row["val_loss"] for row in history]
    logits = classifier.model(samples["validation"].pixels, training=False)
    entropy = keras.losses.sparse_categorical_crossentropy(
        samples["validation"].labels, logits, from_logits=True
    )
    assert losses[-1] > min(losses) + 0.01
    assert len(losses) == np.argmin(losses) + 1 + 4
    assert float(np.mean(entropy)) == pytest.approx(min(losses), rel=1e-4)


def test_a_loss_that_is_no_number_ends_the_fit(tiny_recipe, samples):
    with pytest.raises(FitError, match="loss is not a number after epoch 1: choose a smaller rate"):
        _fit(_with_stage(tiny_recipe, optimizer="sgd", rate=1e30, epochs=5), samples)
