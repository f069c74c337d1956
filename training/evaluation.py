"""How good the probabilities of a labelled set are."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from training.calibration import log_loss


@dataclass(frozen=True, kw_only=True)
class Evaluation:
    """Figures of one labelled set.

    Attributes:
        labels: in the order of the confusion matrix.
        images: how many.
        accuracy: share whose top label is right.
        log_loss: mean of -ln p of the right label, in nats.
        recall: by label, share of its images recognised; labels without images are left out.
        confusion: [true][answered], counts.
    """

    labels: tuple[str, ...]
    images: int
    accuracy: float
    log_loss: float
    recall: Mapping[str, float]
    confusion: tuple[tuple[int, ...], ...]

    def to_dict(self) -> dict[str, Any]:
        """The JSON form."""
        return asdict(self)

    def metrics(self) -> dict[str, float]:
        """The figures a manifest carries."""
        return {"accuracy": self.accuracy, "log_loss": self.log_loss, "images": float(self.images)}


def evaluate_probabilities(
    probabilities: npt.NDArray[np.floating], truth: npt.NDArray[np.int64], *, labels: tuple[str, ...]
) -> Evaluation:
    """Compare answers with the truth.

    Args:
        probabilities: [N, C], N at least 1.
        truth: int64 [N], class indexes.
        labels: C names.
    """
    confusion = np.zeros((len(labels), len(labels)), dtype=np.int64)
    np.add.at(confusion, (truth, probabilities.argmax(axis=1)), 1)
    counts = confusion.sum(axis=1)
    return Evaluation(
        labels=labels,
        images=len(truth),
        accuracy=float(np.trace(confusion) / len(truth)),
        log_loss=log_loss(probabilities, truth),
        recall={label: float(confusion[n, n] / counts[n]) for n, label in enumerate(labels) if counts[n] > 0},
        confusion=tuple(tuple(map(int, row)) for row in confusion),
    )
