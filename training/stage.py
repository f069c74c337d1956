"""What one stage fits: everything, or only what comes after the frozen layers, on what those gave."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import keras

from training.augment import augmented
from training.batches import Batches
from training.cut import CutModel, cut_frozen
from training.errors import RecipeError
from training.features import Copies, FeatureCache, cached_features, kept_features
from training.networks import Classifier
from training.observer import Observer
from training.photographs import Split
from training.recipe import Augmentation, Recipe, Stage
from training.samples import Samples, class_weights
from training.seeds import EpochSeed

SamplesBySplit = Mapping[Split, Samples]


@dataclass(frozen=True, kw_only=True)
class Fitting:
    """What Keras fits in one stage, and on what."""

    model: Any
    train: Batches
    validation: Batches


def frozen_layers(classifier: Classifier, stage: Stage) -> frozenset[str]:
    """Names of the layers the stage does not fit."""
    if isinstance(stage.frozen, int):
        return frozenset(classifier.backbone[: stage.frozen - 1])  # the first that is counted is the input
    return frozenset(classifier.backbone if stage.frozen == "all" else ())


def check_stages(classifier: Classifier, recipe: Recipe) -> None:
    """Refuse a stage that counts layers the network has not.

    Raises:
        RecipeError: saying how many there are.
    """
    most = len(classifier.backbone) + 1  # with the input
    for number, stage in enumerate(recipe.stages):
        if isinstance(stage.frozen, int) and stage.frozen > most:
            raise RecipeError(
                f"recipe {recipe.name}: stages[{number}].frozen is {stage.frozen}, "
                f"and {recipe.network} has {most} layers"
            )


def freeze(classifier: Classifier, stage: Stage) -> None:
    """Mark every layer as fitted or not; batch normalisation that is not runs in inference mode."""
    frozen = frozen_layers(classifier, stage)
    for layer in classifier.model.layers:
        layer.trainable = layer.name not in frozen


def prepare(  # noqa: PLR0913 - what is fitted, on what, how
    classifier: Classifier,
    recipe: Recipe,
    samples: SamplesBySplit,
    *,
    epoch_seed: EpochSeed,
    cache: FeatureCache,
    observer: Observer,
) -> Fitting:
    """Choose what to fit, and run the frozen layers where once is enough.

    Args:
        classifier: frozen for the stage.
        recipe: with that stage.
        samples: of pixels.
        epoch_seed: the stage's first.
        cache: for what frozen layers give.
        observer: told how much room that takes.

    Raises:
        CacheError: it cannot be kept.
    """
    stage = recipe.stages[epoch_seed.stage]
    change = recipe.augmentation_of(stage)
    cut = cut_frozen(classifier.model, frozen_layers(classifier, stage))
    copies = Copies(augmentation=change, epoch_seed=epoch_seed)
    once = None
    if cut is not None and _once_is_enough(change):
        once = _given_once(cache, cut, samples, copies, observer)
    if cut is None or once is None:
        model, given = _whole(classifier, cut, change), samples
    else:
        model, given = cut.upper, once
    classes = classifier.model.outputs[0].shape[-1]
    one_hot = classes if change.mixup else None
    weights = class_weights(samples["train"].labels, classes) if recipe.class_weights else None
    size = stage.batch_size
    return Fitting(
        model=model,
        train=Batches(
            samples=given["train"], size=size, classes=one_hot, weights=weights, mixup=change.mixup
        ),
        validation=Batches(samples=given["validation"], size=size, classes=one_hot),
    )


def _once_is_enough(change: Augmentation) -> bool:
    fresh = change.changes_pixels and not change.copies
    return not fresh and not change.mixup


def _given_once(
    cache: FeatureCache, cut: CutModel, samples: SamplesBySplit, copies: Copies, observer: Observer
) -> SamplesBySplit | None:
    """What the frozen layers give, or None where there is no room for it."""
    needed = cache.size(cut.lower, (samples["train"], samples["validation"]), copies=copies.count)
    room, wanted = cache.room(), _wanted(copies)
    observer.say(
        f"the layers up to {cut.layer} run once: what they give takes {_megabytes(needed)} in {cache.folder}"
    )
    if needed <= room:
        return {
            split: cached_features(cache, cut.lower, samples[split], copies=each, progress=observer.progress)
            for split, each in wanted.items()
        }
    there = _already_there(cache, cut, samples, wanted)
    if there is None:
        observer.say(f"that is more than the {_megabytes(room)} it may take: they run every epoch instead")
        if copies.augmentation.copies:
            observer.say("and pictures are changed anew every epoch, instead of drawn from copies")
    return there


def _already_there(
    cache: FeatureCache, cut: CutModel, samples: SamplesBySplit, wanted: Mapping[Split, Copies]
) -> SamplesBySplit | None:
    """What an earlier run has kept: half of what is free on a disk was more before it took its share."""
    if cache.most_bytes is not None:
        return None
    kept = {s: kept_features(cache, cut.lower, samples[s], copies=each) for s, each in wanted.items()}
    there = {split: features for split, features in kept.items() if features is not None}
    return there if len(there) == len(wanted) else None


def _wanted(copies: Copies) -> Mapping[Split, Copies]:
    """Validation is never changed at random."""
    return {"train": copies, "validation": replace(copies, augmentation=Augmentation())}


def _whole(classifier: Classifier, cut: CutModel | None, change: Augmentation) -> Any:
    """All layers behind the random changes; those before the cut run in inference mode."""
    images = keras.Input(classifier.model.inputs[0].shape[1:], dtype="uint8")
    changed = augmented(images, change)
    if cut is None:
        return keras.Model(images, classifier.model(changed))
    return keras.Model(images, cut.upper(cut.lower(changed, training=False)))


def _megabytes(count: int) -> str:
    return f"{count / 1e6:,.1f} MB"
