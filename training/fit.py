"""Fits a classifier, stage by stage and epoch by epoch, changing it in place.

All chance comes from (seed, stage, epoch) and all state from `training.progress`: an epoch does not know
whether the process that ran the one before was the same.
"""

from __future__ import annotations

import math
import time
from contextlib import nullcontext
from dataclasses import dataclass, replace
from typing import Any

import keras
import numpy as np
from tqdm import tqdm

from training.device_memory import within_device_memory
from training.errors import FitError
from training.features import FeatureCache
from training.networks import Classifier
from training.observer import Observer
from training.progress import Arrays, HistoryRow, Progress
from training.recipe import Recipe, Stage
from training.seeds import EpochSeed, seed_layers
from training.stage import Fitting, SamplesBySplit, freeze, frozen_layers, prepare
from training.strategy import Scope

_OPTIMIZERS = {"adam": keras.optimizers.Adam, "rmsprop": keras.optimizers.RMSprop}


@dataclass(frozen=True, kw_only=True)
class _Fit:
    """What stays the same from the first stage to the last."""

    classifier: Classifier
    recipe: Recipe
    samples: SamplesBySplit
    seed: int
    cache: FeatureCache
    observer: Observer
    scope: Scope

    def fitted_until(self, stage: int) -> list[Any]:
        """The variables any stage up to that one fits: all others are as they were built."""
        frozen = (frozen_layers(self.classifier, entry) for entry in self.recipe.stages[: stage + 1])
        never = frozenset.intersection(*frozen)
        layers = (layer for layer in self.classifier.model.layers if layer.name not in never)
        return [variable for layer in layers for variable in layer.weights]


def fit(  # noqa: PLR0913 - what is fitted, on what, how
    classifier: Classifier,
    recipe: Recipe,
    *,
    samples: SamplesBySplit,
    seed: int,
    cache: FeatureCache,
    observer: Observer,
    progress: Progress | None = None,
    scope: Scope = nullcontext,
) -> Progress:
    """Run all stages of the recipe on the samples of `train`, watching those of `validation`.

    Args:
        classifier: built in `scope`.
        recipe: with stages.
        samples: of pixels.
        seed: of all chance.
        cache: for what frozen layers give.
        observer: told of every epoch.
        progress: where an earlier run was interrupted.
        scope: see `training.strategy`.

    Returns:
        How it ended. Its history has a row an epoch: stage and epoch from 1, loss, accuracy, val_loss,
        val_accuracy, learning_rate, seconds.

    Raises:
        FitError: the loss is no number any more.
        OutOfMemoryError: the batches are too large for the device.
        CacheError: features cannot be kept, or cannot any more.
    """
    running = _Fit(
        classifier=classifier,
        recipe=recipe,
        samples=samples,
        seed=seed,
        cache=cache,
        observer=observer,
        scope=scope,
    )
    progress = progress or Progress()
    _restore(running.fitted_until(progress.stage), progress.weights)
    for number in range(progress.stage, len(recipe.stages)):
        if number > progress.stage:
            progress = progress.next_stage(_values(running.fitted_until(number)))
        progress = _run_stage(running, progress)
    return progress


def _run_stage(running: _Fit, progress: Progress) -> Progress:
    stage = running.recipe.stages[progress.stage]
    freeze(running.classifier, stage)
    if not _is_over(progress, stage):  # or what was interrupted came after the fit
        progress = _fit_stage(running, progress)
    if stage.keep == "best":
        _restore(running.fitted_until(progress.stage), progress.best)
    return progress


def _fit_stage(running: _Fit, progress: Progress) -> Progress:
    stage = running.recipe.stages[progress.stage]
    with running.scope():
        fitting = prepare(
            running.classifier,
            running.recipe,
            running.samples,
            epoch_seed=EpochSeed(seed=running.seed, stage=progress.stage, epoch=0),
            cache=running.cache,
            observer=running.observer,
            decided=progress.frozen_layers.get(progress.stage),
        )
        _compile(fitting, stage, loss_scaling=running.recipe.precision == "mixed_float16")
    _restore(fitting.model.optimizer.variables, progress.optimizer)
    progress = progress.with_frozen_layers(fitting.frozen_layers)
    with within_device_memory(stage.batch_size, advice="choose smaller ones"):
        return _run_epochs(running, fitting, progress)


def _run_epochs(running: _Fit, fitting: Fitting, progress: Progress) -> Progress:
    stage, observer = running.recipe.stages[progress.stage], running.observer
    fitted = running.fitted_until(progress.stage)
    validation = fitting.validation.in_order()
    hidden = None if observer.progress else True
    with tqdm(total=stage.epochs, initial=progress.epoch, desc="epochs", disable=hidden) as bar:
        while not _is_over(progress, stage):
            epoch_seed = EpochSeed(seed=running.seed, stage=progress.stage, epoch=progress.epoch)
            row = _epoch(fitting, stage, validation, epoch_seed=epoch_seed)
            progress = _after(progress, row, _values(fitted), _values(fitting.model.optimizer.variables))
            observer.save(progress)
            observer.epoch(row)
            bar.set_postfix({name: f"{row[name]:.3f}" for name in ("val_loss", "val_accuracy")})
            bar.update()
    return progress


def _is_over(progress: Progress, stage: Stage) -> bool:
    waited = progress.epoch - progress.best_epoch
    return progress.epoch >= stage.epochs or (0 < stage.patience <= waited)


def _epoch(fitting: Fitting, stage: Stage, validation: Any, *, epoch_seed: EpochSeed) -> HistoryRow:
    start = time.perf_counter()
    seed_layers(fitting.model, epoch_seed)
    rate = _rate(stage, epoch_seed.epoch)
    fitting.model.optimizer.learning_rate = rate
    log = fitting.model.fit(
        fitting.train.shuffled(epoch_seed), validation_data=validation, epochs=1, shuffle=False, verbose=0
    ).history
    figures = {name: log[name][0] for name in ("loss", "accuracy", "val_loss", "val_accuracy")}
    if not all(math.isfinite(figures[name]) for name in ("loss", "val_loss")):
        raise FitError(f"the loss is not a number after epoch {epoch_seed.epoch + 1}: choose a smaller rate")
    counted = {"stage": epoch_seed.stage + 1, "epoch": epoch_seed.epoch + 1}
    return counted | figures | {"learning_rate": rate, "seconds": time.perf_counter() - start}


def _rate(stage: Stage, epoch: int) -> float:
    """The learning rate; `cosine` as in Loshchilov & Hutter 2017 (arXiv:1608.03983), without restarts."""
    if stage.schedule == "constant":
        return stage.rate
    return stage.rate * (1 + math.cos(math.pi * epoch / stage.epochs)) / 2


def _after(progress: Progress, row: HistoryRow, weights: Arrays, optimizer: Arrays) -> Progress:
    better = row["val_loss"] < progress.best_loss
    done = progress.epoch + 1
    return replace(
        progress,
        epoch=done,
        history=(*progress.history, row),
        best_loss=row["val_loss"] if better else progress.best_loss,
        best_epoch=done if better else progress.best_epoch,
        weights=weights,
        optimizer=optimizer,
        best=weights if better else progress.best,
    )


def _compile(fitting: Fitting, stage: Stage, *, loss_scaling: bool) -> None:
    one_hot = fitting.train.classes is not None
    loss = keras.losses.CategoricalCrossentropy if one_hot else keras.losses.SparseCategoricalCrossentropy
    optimizer = _optimizer(stage)
    if loss_scaling:  # Keras sees to it by itself only where the model it compiles has that policy
        optimizer = keras.optimizers.LossScaleOptimizer(optimizer)
    # Without XLA: on a CPU it compiles for longer than a small stage takes.
    fitting.model.compile(optimizer, loss(from_logits=True), metrics=["accuracy"], jit_compile=False)
    fitting.model.optimizer.build(fitting.model.trainable_variables)


def _optimizer(stage: Stage) -> Any:
    if stage.optimizer == "sgd":
        return keras.optimizers.SGD(stage.rate, momentum=stage.momentum)
    return _OPTIMIZERS[stage.optimizer](stage.rate)


def _values(variables: list[Any]) -> Arrays:
    return tuple(np.array(keras.ops.convert_to_numpy(variable)) for variable in variables)


def _restore(variables: list[Any], values: Arrays) -> None:
    if values:
        for variable, value in zip(variables, values, strict=True):
            variable.assign(value)
