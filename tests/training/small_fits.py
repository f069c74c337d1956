"""Fits of tiny networks on made pixels."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from training.samples import Samples


def coloured(count: int, *, seed: int, classes: int = 3, side: int = 32, wrong: int = 0) -> Samples:
    """Noise in which one channel, its class, is brighter.

    Args:
        count: of images; class after class.
        seed: of the noise.
        classes: 2 or 3.
        side: in pixels.
        wrong: how far the labels are from the brighter channel.
    """
    channels = np.arange(count) % classes
    pixels = np.random.default_rng(seed).integers(0, 156, (count, side, side, 3)).astype(np.uint8)
    pixels[np.arange(count), :, :, channels] += 100
    return Samples(values=pixels, rows=np.arange(count), labels=(channels + wrong) % classes)


def splits(train: int = 24, validation: int = 9, **options: Any) -> dict[Any, Samples]:
    """Samples of both splits a fit takes."""
    return {
        "train": coloured(train, seed=0, **options),
        "validation": coloured(validation, seed=1, **options),
    }


def misleading() -> dict[Any, Samples]:
    """What is learnt of the training split is wrong in validation: its loss rises before long."""
    return {"train": coloured(24, seed=0), "validation": coloured(12, seed=1, wrong=1)}


def with_stage(recipe: Any, **changes: Any) -> Any:
    """The recipe with its first stage alone, changed."""
    return replace(recipe, stages=(replace(recipe.stages[0], **changes),))


def fitted(recipe: Any, samples: Any, folder: Path, *, seed: int = 0, **options: Any) -> tuple[Any, Any]:
    """The classifier of the recipe after its fit, and the history; `folder` is the cache."""
    from training.features import FeatureCache
    from training.fit import fit
    from training.observer import Observer

    cache = FeatureCache(folder=folder, dtype=recipe.features)
    classifier = built(recipe, seed=seed)
    given = {"cache": cache, "observer": Observer()} | options
    return classifier, fit(classifier, recipe, samples=samples, seed=seed, **given).history


def built(recipe: Any, *, seed: int = 0, classes: int = 3) -> Any:
    """The classifier of the recipe with the first weights of that seed."""
    import keras

    from training.networks import build_classifier

    keras.utils.set_random_seed(seed)
    return build_classifier(recipe, classes=classes)


def weights_of(classifier: Any) -> list[Any]:
    """All of its weights, copied."""
    return [np.array(weight) for weight in classifier.model.get_weights()]


def same(first: list[Any], second: list[Any]) -> bool:
    """Whether all arrays are equal, bit by bit."""
    return all(np.array_equal(one, other) for one, other in zip(first, second, strict=True))


def without_seconds(history: Any) -> list[dict[str, float]]:
    """The rows without what no two runs share."""
    return [{name: value for name, value in row.items() if name != "seconds"} for row in history]
