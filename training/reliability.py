"""How far stated probabilities are from the share of right answers."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

BINS = 15


@dataclass(frozen=True, kw_only=True)
class ReliabilityBin:
    """The answers whose top probability is above `low` and at most `high`.

    Attributes:
        low: edge.
        high: edge.
        images: how many; at least one.
        confidence: mean of their top probabilities.
        accuracy: share of them whose top label is right.
    """

    low: float
    high: float
    images: int
    confidence: float
    accuracy: float


def reliability(
    probabilities: npt.NDArray[np.floating], labels: npt.NDArray[np.int64]
) -> tuple[ReliabilityBin, ...]:
    """The bars of a reliability diagram, from low to high: 15 bins of equal width, empty ones left out.

    Args:
        probabilities: [N, C].
        labels: int64 [N].
    """
    confidence = probabilities.max(axis=1).astype(np.float64)
    right = probabilities.argmax(axis=1) == labels
    numbers = np.clip(np.ceil(confidence * BINS).astype(np.int64) - 1, 0, BINS - 1)
    return tuple(
        ReliabilityBin(
            low=number / BINS,
            high=(number + 1) / BINS,
            images=int(inside.sum()),
            confidence=float(confidence[inside].mean()),
            accuracy=float(right[inside].mean()),
        )
        for number in range(BINS)
        if (inside := numbers == number).any()
    )


def calibration_error(probabilities: npt.NDArray[np.floating], labels: npt.NDArray[np.int64]) -> float:
    """Expected calibration error: mean over the images of |confidence - accuracy| of their bin.

    Equation 3 of Guo et al. 2017, arXiv:1706.04599. Few images make it too large: within a bin it
    cannot tell chance from a wrong confidence.

    Args:
        probabilities: [N, C].
        labels: int64 [N], N at least 1.
    """
    bins = reliability(probabilities, labels)
    return sum(b.images * abs(b.confidence - b.accuracy) for b in bins) / len(labels)
