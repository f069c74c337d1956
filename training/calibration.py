"""Temperature scaling: probabilities that mean what they say, and the threshold for `unknown`.

One number divides all logits before the softmax, chosen to minimise the log loss on the validation split
(Guo et al. 2017, 'On Calibration of Modern Neural Networks', arXiv:1706.04599). It changes no top label.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from contract.prediction import PROBABILITY_DECIMALS
from training.reliability import calibration_error

Floats = npt.NDArray[np.floating]
LOWEST_TEMPERATURE, HIGHEST_TEMPERATURE = 0.25, 10.0
FEW_IMAGES = 100
_STEPS = 40  # each narrows the interval by 0.618: far below any difference that matters
_THRESHOLD_STEPS = 10_000  # four decimals


@dataclass(frozen=True, kw_only=True)
class Calibration:
    """What makes probabilities of logits, and which of them are worth an answer.

    Attributes:
        temperature: divides the logits; the one of least log loss from 0.25 to 10.
        at_bound: whether that is 0.25 or 10, so that the best one may lie beyond.
        images: that it was fitted on.
        error_before: expected calibration error on them at temperature 1.
        error_after: the same at `temperature`; fitted and measured on the same images, so it flatters.
        coverage: the share of these images that was to be answered.
        unknown_threshold: at least that share has a top probability (rounded as in an answer) at or above it.
    """

    temperature: float
    at_bound: bool
    images: int
    error_before: float
    error_after: float
    coverage: float
    unknown_threshold: float

    @property
    def notes(self) -> tuple[str, ...]:
        """What a reader of the report should know before trusting the probabilities."""
        return tuple(_notes(self))


def calibrate(logits: Floats, labels: npt.NDArray[np.int64], *, coverage: float) -> Calibration:
    """Choose temperature and threshold.

    Args:
        logits: [N, C] of images the network was not fitted on, N at least 1.
        labels: int64 [N].
        coverage: the share of these images that should be answered, above 0 and at most 1.
    """
    temperature = fit_temperature(logits, labels)
    probabilities = softmax(logits, temperature)
    return Calibration(
        temperature=temperature,
        at_bound=temperature in {LOWEST_TEMPERATURE, HIGHEST_TEMPERATURE},
        images=len(labels),
        error_before=calibration_error(softmax(logits), labels),
        error_after=calibration_error(probabilities, labels),
        coverage=coverage,
        unknown_threshold=threshold_for(probabilities.max(axis=1), coverage=coverage),
    )


def softmax(logits: Floats, temperature: float = 1.0) -> npt.NDArray[np.float64]:
    """Probabilities [N, C] of logits [N, C]."""
    scaled = logits.astype(np.float64) / temperature
    exponentials = np.exp(scaled - scaled.max(axis=1, keepdims=True))
    shares: npt.NDArray[np.float64] = exponentials / exponentials.sum(axis=1, keepdims=True)
    return shares


def log_loss(probabilities: Floats, labels: npt.NDArray[np.int64]) -> float:
    """Mean of -ln p of the right class, in nats; p is kept above 1e-12."""
    chosen = probabilities[np.arange(len(labels)), labels]
    return float(-np.log(np.maximum(chosen, 1e-12)).mean())


def fit_temperature(logits: Floats, labels: npt.NDArray[np.int64]) -> float:
    """The temperature of least log loss, from 0.25 to 10, by golden-section search over its logarithm.

    The loss is convex in 1/T, so it has one minimum between the bounds or is least at one of them: at 0.25
    exactly where every answer is right (it falls for ever as T goes to 0) or nearly so, at 10 where the
    logits say nothing of the labels. Where all temperatures do equally well it is 1.

    Args:
        logits: [N, C] of images the network was not fitted on.
        labels: int64 [N].
    """
    golden = (math.sqrt(5) - 1) / 2
    low, high = math.log(LOWEST_TEMPERATURE), math.log(HIGHEST_TEMPERATURE)
    for _ in range(_STEPS):
        left, right = high - golden * (high - low), low + golden * (high - low)
        if _loss(logits, labels, math.exp(left)) < _loss(logits, labels, math.exp(right)):
            high = right
        else:
            low = left
    found = math.exp((low + high) / 2)
    candidates = (1.0, LOWEST_TEMPERATURE, HIGHEST_TEMPERATURE, found)
    return min(candidates, key=lambda temperature: _loss(logits, labels, temperature))


def threshold_for(top_probabilities: Floats, *, coverage: float) -> float:
    """The largest threshold of four decimals below the top probabilities of at least this share of images.

    Strictly below: another batch size or another machine moves the last digits of a probability, and an
    image that set the threshold should not fall under it for that.

    Args:
        top_probabilities: [N], N at least 1.
        coverage: above 0 and at most 1.
    """
    falling = -np.sort(-np.round(top_probabilities.astype(np.float64), PROBABILITY_DECIMALS))
    answered = max(1, math.ceil(round(coverage * len(falling), 9)))  # 0.55 * 20 is a little above 11
    return max(0, math.ceil(float(falling[answered - 1]) * _THRESHOLD_STEPS) - 1) / _THRESHOLD_STEPS


def _loss(logits: Floats, labels: npt.NDArray[np.int64], temperature: float) -> float:
    """As `log_loss`, from the logits: exact however small a probability is, so that it stays convex."""
    scaled = logits.astype(np.float64) / temperature
    scaled -= scaled.max(axis=1, keepdims=True)
    right = scaled[np.arange(len(labels)), labels]
    return float((np.log(np.exp(scaled).sum(axis=1)) - right).mean())


def _notes(calibration: Calibration) -> Iterator[str]:
    if calibration.temperature == LOWEST_TEMPERATURE:
        yield (
            f"The temperature is at its lower bound of {LOWEST_TEMPERATURE}: still higher probabilities "
            "would fit these images better, as they would wherever nearly every answer is right, so how "
            "high they should be is not known."
        )
    if calibration.temperature == HIGHEST_TEMPERATURE:
        yield (
            f"The temperature is at its upper bound of {HIGHEST_TEMPERATURE:g}: still lower probabilities "
            "would fit these images better, so those of this model are too high."
        )
    if calibration.images < FEW_IMAGES:
        yield (
            f"Only {calibration.images} images fitted the temperature and the threshold (fewer than "
            f"{FEW_IMAGES}): both are uncertain."
        )
