"""What one stage fits: everything, or only what comes after the frozen layers, on what those gave."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import keras

from training.augment import augmented
from training.batches import Batches
from training.cut import CutModel, cut_frozen
from training.errors import CacheError, RecipeError
from training.features import Copies, FeatureCache, cached_features, kept_features
from training.networks import Classifier
from training.observer import Observer
from training.photographs import Split
from training.progress import FrozenLayers
from training.recipe import Augmentation, Recipe, Stage
from training.samples import Samples, class_weights
from training.seeds import EpochSeed

SamplesBySplit = Mapping[Split, Samples]


@dataclass(frozen=True, kw_only=True)
class Fitting:
    """What Keras fits in one stage, on what, and how the layers that it does not fit run."""

    model: Any
    train: Batches
    validation: Batches
    frozen_layers: FrozenLayers


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
    decided: FrozenLayers | None = None,
) -> Fitting:
    """Choose what to fit, and run the frozen layers where once is enough.

    With fixed copies, once and every epoch are two algorithms: a stage ends by the one it began with.

    Args:
        classifier: frozen for the stage.
        recipe: with that stage.
        samples: of pixels.
        epoch_seed: the stage's first.
        cache: for what frozen layers give.
        observer: told how much room that takes.
        decided: how the frozen layers ran before an interruption in the midst of the stage.

    Raises:
        CacheError: it cannot be kept, or was kept, is gone and has no room any more.
    """
    stage = recipe.stages[epoch_seed.stage]
    change = recipe.augmentation_of(stage)
    cut = cut_frozen(classifier.model, frozen_layers(classifier, stage))
    copies = Copies(augmentation=change, epoch_seed=epoch_seed)
    once, frozen = None, decided or "every epoch"
    if cut is not None and _once_is_enough(change):
        lower = _Lower(cut=cut, samples=samples, copies=copies, cache=cache, observer=observer)
        once = lower.given_once(decided)
        frozen = "no room" if once is None else "once"
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
        frozen_layers=frozen,
    )


def _once_is_enough(change: Augmentation) -> bool:
    fresh = change.changes_pixels and not change.copies
    return not fresh and not change.mixup


@dataclass(frozen=True, kw_only=True)
class _Lower:
    """Layers that are to run once, on copies of what samples, and where what they give is kept."""

    cut: CutModel
    samples: SamplesBySplit
    copies: Copies
    cache: FeatureCache
    observer: Observer

    def given_once(self, decided: FrozenLayers | None) -> SamplesBySplit | None:
        """What they give, or None where they run every epoch, for there is or was no room.

        Raises:
            CacheError: see `prepare`.
        """
        if decided == "no room":
            self.observer.say(f"the layers up to {self.cut.layer} run every epoch, as they did before")
            return None
        needed, room = self._needed(), self.cache.room()
        self._say_needed(needed)
        if needed <= room:
            return self._computed()
        there = self._already_there() if decided == "once" or self.cache.most_bytes is None else None
        if there is None and decided == "once":
            raise CacheError(self._gone(room))
        if there is None:
            self._say_no_room(room)
        return there

    def _needed(self) -> int:
        pixels = (self.samples["train"], self.samples["validation"])
        return self.cache.size(self.cut.lower, pixels, copies=self.copies.count)

    def _computed(self) -> SamplesBySplit:
        bars = self.observer.progress
        return {
            split: cached_features(
                self.cache, self.cut.lower, self.samples[split], copies=each, progress=bars
            )
            for split, each in _wanted(self.copies).items()
        }

    def _already_there(self) -> SamplesBySplit | None:
        """What an earlier run has kept: half of what is free on a disk was more before it took its share."""
        kept = {
            split: kept_features(self.cache, self.cut.lower, self.samples[split], copies=each)
            for split, each in _wanted(self.copies).items()
        }
        there = {split: features for split, features in kept.items() if features is not None}
        return there if len(there) == len(kept) else None

    def _gone(self, room: int) -> str:
        return (
            f"what the layers up to {self.cut.layer} gave before the interruption is gone from "
            f"{self.cache.folder}, and is more than the {_megabytes(room)} it may take: make room, give more "
            "by --cache-bytes, or start anew with --fresh"
        )

    def _say_needed(self, needed: int) -> None:
        self.observer.say(
            f"the layers up to {self.cut.layer} run once: what they give takes {_megabytes(needed)} "
            f"in {self.cache.folder}"
        )

    def _say_no_room(self, room: int) -> None:
        say = self.observer.say
        say(f"that is more than the {_megabytes(room)} it may take: they run every epoch instead")
        if self.copies.augmentation.copies:
            say("and pictures are changed anew every epoch, instead of drawn from copies")


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
