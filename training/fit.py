"""Fits a classifier, stage by stage.

A stage that freezes the whole network computes its features once and fits only the head on them; any other
stage fits everything from the memory map, with augmentation. Either changes the classifier in place.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import keras
from tqdm import tqdm

from training.batches import Batches
from training.errors import FitError
from training.inference import infer
from training.networks import Classifier
from training.photographs import Split
from training.recipe import Augmentation, Recipe, Stage
from training.samples import Samples

HistoryRow = dict[str, float]

_OPTIMIZERS = {"adam": keras.optimizers.Adam, "rmsprop": keras.optimizers.RMSprop}


@dataclass(frozen=True, kw_only=True)
class _Fitting:
    """What Keras fits in one stage, and on what: the arguments of its `fit`."""

    model: Any
    data: Mapping[str, Any]


def fit(
    classifier: Classifier, recipe: Recipe, *, samples: Mapping[Split, Samples], seed: int, progress: bool
) -> list[HistoryRow]:
    """Run all stages of the recipe on the samples of `train`, watching those of `validation`.

    Returns:
        A row an epoch: stage and epoch from 1, accuracy, loss, val_accuracy, val_loss.

    Raises:
        FitError: the loss is no number any more.
    """
    history = []
    for number, stage in enumerate(recipe.stages, start=1):
        if stage.frozen == "all":
            fitting = _head_on_features(classifier, stage, samples, progress=progress)
        else:
            model = _augmented(classifier.model, recipe.augmentation, seed=seed)
            fitting = _whole_on_pixels(model, stage, samples, seed=seed)
        log = _run(fitting, stage, progress=progress)
        history += [
            {"stage": number, "epoch": epoch, **dict(zip(log, values, strict=True))}
            for epoch, values in enumerate(zip(*log.values(), strict=True), start=1)
        ]
    return history


def _head_on_features(
    classifier: Classifier, stage: Stage, samples: Mapping[Split, Samples], *, progress: bool
) -> _Fitting:
    def features(split: Split) -> Any:
        return infer(classifier.features, samples[split], description="features", progress=progress)

    data = {
        "x": features("train"),
        "y": samples["train"].labels,
        "validation_data": (features("validation"), samples["validation"].labels),
        "batch_size": stage.batch_size,
    }
    return _Fitting(model=classifier.head, data=data)


def _whole_on_pixels(model: Any, stage: Stage, samples: Mapping[Split, Samples], *, seed: int) -> _Fitting:
    data = {
        "x": Batches(samples["train"], batch_size=stage.batch_size, shuffle_seed=seed),
        "validation_data": Batches(samples["validation"], batch_size=stage.batch_size),
    }
    return _Fitting(model=model, data=data)


def _augmented(model: Any, augmentation: Augmentation, *, seed: int) -> Any:
    """The same layers behind random changes of the pixels; what is exported never holds these."""
    if augmentation == Augmentation():
        return model
    images = keras.Input(model.inputs[0].shape[1:], dtype="uint8")
    changed = images
    if augmentation.shear:
        changed = keras.layers.RandomShear(augmentation.shear, seed=seed)(changed)
    if augmentation.zoom:
        changed = keras.layers.RandomZoom(augmentation.zoom, seed=seed + 1)(changed)
    if augmentation.flip:
        changed = keras.layers.RandomFlip("horizontal", seed=seed + 2)(changed)
    return keras.Model(images, model(keras.ops.cast(keras.ops.round(changed), "uint8")))


def _run(fitting: _Fitting, stage: Stage, *, progress: bool) -> dict[str, list[float]]:
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    # Without XLA: on a CPU it compiles for longer than a small stage takes.
    fitting.model.compile(_optimizer(stage), loss, metrics=["accuracy"], jit_compile=False)
    with tqdm(total=stage.epochs, desc="epochs", disable=None if progress else True) as bar:
        callbacks = [_refuse_divergence(), _advance(bar), *_early_stopping(stage)]
        log = fitting.model.fit(**fitting.data, epochs=stage.epochs, callbacks=callbacks, verbose=0)
    return dict(log.history)


def _optimizer(stage: Stage) -> Any:
    if stage.optimizer == "sgd":
        return keras.optimizers.SGD(stage.rate, momentum=stage.momentum)
    return _OPTIMIZERS[stage.optimizer](stage.rate)


def _early_stopping(stage: Stage) -> list[Any]:
    if not stage.patience:
        return []
    return [keras.callbacks.EarlyStopping("val_loss", patience=stage.patience, restore_best_weights=True)]


def _refuse_divergence() -> Any:
    """A callback that ends the fit when there is nothing left to learn from."""

    def on_epoch_end(epoch: int, logs: Mapping[str, float]) -> None:
        if not all(math.isfinite(logs[name]) for name in ("loss", "val_loss")):
            raise FitError(f"the loss is not a number after epoch {epoch + 1}: choose a smaller rate")

    return keras.callbacks.LambdaCallback(on_epoch_end=on_epoch_end)


def _advance(bar: Any) -> Any:
    """A callback that moves the bar by an epoch and shows the validation figures."""

    def on_epoch_end(_epoch: int, logs: Mapping[str, float]) -> None:
        bar.set_postfix({name: f"{logs[name]:.3f}" for name in ("val_loss", "val_accuracy")})
        bar.update()

    return keras.callbacks.LambdaCallback(on_epoch_end=on_epoch_end)
