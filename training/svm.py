"""A linear support vector machine on features, as the kernel of one Dense layer without bias."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import StratifiedKFold, cross_val_predict
from sklearn.svm import LinearSVC

from training.calibration import fit_temperature, log_loss, softmax
from training.errors import DatasetError, FitError

Features = npt.NDArray[np.float32]
Labels = npt.NDArray[np.int64]
_LEAST_FOLDS = 2
_MAX_ITERATIONS = 20_000


@dataclass(frozen=True, kw_only=True)
class LinearSvm:
    """What was fitted, and what cross-validation said of it.

    Attributes:
        kernel: float32 [D, C]; features @ kernel are the logits: the one-vs-rest decision values, or
            (-f, +f) of the one decision value f where there are two classes.
        cost: scikit-learn's C, the one of `costs` with the best cross-validation accuracy; of several the one
            whose calibrated probabilities have the least log loss there.
        cross_validation_accuracy: at that cost; a little too good, as the cost was chosen by it.
        out_of_fold_logits: float32 [N, C], each by a machine that was fitted without that image's fold.
        folds: that were used.
        converged: whether the fit ended before its limit of iterations.
    """

    kernel: Features
    cost: float
    cross_validation_accuracy: float
    out_of_fold_logits: Features
    folds: int
    converged: bool


def fit_linear_svm(  # noqa: PLR0913 - what is fitted, on what, how
    features: Features,
    labels: Labels,
    *,
    costs: tuple[float, ...],
    folds: int,
    seed: int,
    balanced: bool = False,
) -> LinearSvm:
    """Choose the cost by stratified cross-validation, then fit on all images.

    There is no bias, so the top logit is the label scikit-learn predicts. The features are divided by one
    number, their root mean square row norm: costs then mean the same for every network, the solver's
    tolerance fits, and the number goes into the kernel.

    Args:
        features: float32 [N, D], finite.
        labels: int64 [N], class indexes 0 to C - 1.
        costs: to choose from.
        folds: at most; fewer where a class has fewer images.
        seed: of the folds and of the solver.
        balanced: whether every class counts the same, however many images it has.

    Raises:
        DatasetError: fewer than two images of a class.
        FitError: the features are no numbers, or all 0.
    """
    folds = min(folds, _fewest_of_a_class(labels))
    scale = _scale(features)
    scaled = features / scale
    best = max(
        (
            _cross_validate(scaled, labels, _machine(cost, seed=seed, balanced=balanced), folds=folds)
            for cost in costs
        ),
        key=lambda tried: (tried.accuracy, -tried.log_loss),
    )
    machine = _machine(best.cost, seed=seed, balanced=balanced)
    with _quiet():
        machine.fit(scaled, labels)
    weights = np.asarray(machine.coef_, dtype=np.float64).T / scale
    return LinearSvm(
        kernel=_both_signs(weights).astype(np.float32),
        cost=best.cost,
        cross_validation_accuracy=best.accuracy,
        out_of_fold_logits=best.logits,
        folds=folds,
        converged=int(machine.n_iter_) < _MAX_ITERATIONS,
    )


@dataclass(frozen=True, kw_only=True)
class _Tried:
    cost: float
    accuracy: float
    log_loss: float
    logits: Features


def _cross_validate(features: Features, labels: Labels, machine: Any, *, folds: int) -> _Tried:
    splits = StratifiedKFold(folds, shuffle=True, random_state=machine.random_state)
    with _quiet():
        decisions = cross_val_predict(machine, features, labels, cv=splits, method="decision_function")
    logits = _both_signs(decisions.reshape(len(labels), -1)).astype(np.float32)
    accuracy = float((logits.argmax(axis=1) == labels).mean())
    # Margins too small for any temperature that is allowed say little, however right they are.
    calibrated = softmax(logits, fit_temperature(logits, labels))
    return _Tried(cost=machine.C, accuracy=accuracy, log_loss=log_loss(calibrated, labels), logits=logits)


def _machine(cost: float, *, seed: int, balanced: bool) -> Any:
    return LinearSVC(
        C=cost,
        fit_intercept=False,
        dual="auto",
        class_weight="balanced" if balanced else None,
        max_iter=_MAX_ITERATIONS,
        random_state=seed,
    )


def _both_signs(values: npt.NDArray[np.floating]) -> npt.NDArray[np.floating]:
    """[K, C] as it is; [K, 1], of two classes, as [K, 2]: minus and plus."""
    return np.concatenate([-values, values], axis=1) if values.shape[1] == 1 else values


def _fewest_of_a_class(labels: Labels) -> int:
    fewest = int(np.bincount(labels).min())
    if fewest < _LEAST_FOLDS:
        raise DatasetError(
            f"a class has fewer than {_LEAST_FOLDS} training images: the support vector machine is "
            "cross-validated and needs them"
        )
    return fewest


def _scale(features: Features) -> np.float32:
    scale = np.sqrt(np.square(features, dtype=np.float64).sum(axis=1).mean())
    if not np.isfinite(scale) or scale == 0:
        raise FitError("the features are all 0 or no numbers: the support vector machine has nothing to fit")
    return np.float32(scale)


@contextmanager
def _quiet() -> Iterator[None]:
    """Without warnings of too few iterations: `LinearSvm.converged` says it once."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        yield
