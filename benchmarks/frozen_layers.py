"""How much quicker an epoch is when frozen layers run once: ours beside plain Keras, in one run.

VGG16 at 224x224, batches of 32, the head of the recipe vgg16-fc256; random weights and pixels, as the time
does not depend on them. Prints seconds of an epoch and their ratio, for `layers[:15]` frozen and for all.
"""

from __future__ import annotations

import os
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import click
import keras
import numpy as np

from training.batches import Batches
from training.features import FeatureCache
from training.fit import fit
from training.networks import Classifier, build_classifier
from training.observer import Observer
from training.recipe import Augmentation, Recipe, Stage
from training.recipe_files import load_recipe
from training.samples import Samples
from training.seeds import EpochSeed
from training.stage import freeze

IMAGES, CLASSES, EPOCHS = 128, 17, 4


def main() -> None:
    """Measure both cases."""
    samples = {"train": _samples(IMAGES, seed=0), "validation": _samples(32, seed=1)}
    for frozen, name in ((15, "layers[:15]"), ("all", "all layers")):
        recipe = _recipe(frozen)
        plain = _plain_seconds(_classifier(recipe), recipe.stages[0], samples["train"])
        ours = _our_seconds(_classifier(recipe), recipe, samples)
        click.echo(
            f"VGG16, {name} frozen, {IMAGES} images: plain Keras {plain:.2f} s an epoch, "
            f"ours {ours:.2f} s, ratio {plain / ours:.1f}"
        )


def _recipe(frozen: Any) -> Recipe:
    recipe = load_recipe("vgg16-fc256")
    stage = replace(recipe.stages[0], frozen=frozen, epochs=EPOCHS)
    return replace(recipe, weights="none", stages=(stage,), augmentation=Augmentation())


def _classifier(recipe: Recipe) -> Classifier:
    keras.utils.set_random_seed(0)
    return build_classifier(recipe, classes=CLASSES)


def _samples(count: int, *, seed: int) -> Samples:
    rng = np.random.default_rng(seed)
    pixels = rng.integers(0, 256, (count, 224, 224, 3), dtype=np.uint8)
    return Samples(values=pixels, rows=np.arange(count), labels=rng.integers(0, CLASSES, count))


def _plain_seconds(classifier: Classifier, stage: Stage, train: Samples) -> float:
    """The quickest of some epochs of Keras's own `fit`, without validation.

    It is given our batches, as from arrays it would make a pipeline whose end waits for TensorFlow's tuning
    thread, see `training.batches`: another cause, and up to twice the time.
    """
    freeze(classifier, stage)
    classifier.model.compile(
        keras.optimizers.SGD(stage.rate, momentum=stage.momentum),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
        jit_compile=False,
    )
    batches = Batches(samples=train, size=stage.batch_size)
    seconds = []
    for epoch in range(EPOCHS):
        start = time.perf_counter()
        seeded = EpochSeed(seed=0, stage=0, epoch=epoch)
        classifier.model.fit(batches.shuffled(seeded), shuffle=False, verbose=0)
        seconds.append(time.perf_counter() - start)
    return min(seconds)


def _our_seconds(classifier: Classifier, recipe: Recipe, samples: Any) -> float:
    """The quickest epoch of ours, its validation included; the frozen layers ran before the first one."""
    with tempfile.TemporaryDirectory() as folder:
        cache = FeatureCache(folder=Path(folder))
        done = fit(classifier, recipe, samples=samples, seed=0, cache=cache, observer=Observer())
    return min(row["seconds"] for row in done.history)


if __name__ == "__main__":
    main()
