"""Temperature scaling: probabilities that mean what they say.

One number divides all logits before the softmax, chosen to minimise the log loss on the validation split
(Guo et al. 2017, 'On Calibration of Modern Neural Networks', arXiv:1706.04599). It changes no top label.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.floating]
_LOWEST, _HIGHEST = 0.1, 10.0
_STEPS = 40  # each narrows the interval by 0.618: far below any difference that matters


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
    """The temperature of least log loss, between 0.1 and 10, by golden-section search over its logarithm.

    The loss is convex in 1/T, so it has one minimum. Where every answer is right it has none: it falls for
    ever as T goes to 0, and such a split says nothing about confidence; the answer is then 1.

    Args:
        logits: [N, C] of photographs the network was not fitted on.
        labels: int64 [N].
    """
    if np.all(logits.argmax(axis=1) == labels):
        return 1.0
    golden = (math.sqrt(5) - 1) / 2
    low, high = math.log(_LOWEST), math.log(_HIGHEST)
    for _ in range(_STEPS):
        left, right = high - golden * (high - low), low + golden * (high - low)
        if log_loss(softmax(logits, math.exp(left)), labels) < log_loss(
            softmax(logits, math.exp(right)), labels
        ):
            high = right
        else:
            low = left
    return math.exp((low + high) / 2)
