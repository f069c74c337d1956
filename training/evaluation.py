"""How good the answers to a labelled set are."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from contract.calibration_facts import CalibrationFacts
from contract.prediction import PROBABILITY_DECIMALS
from contract.reference_facts import ReferenceFacts
from training.calibration import Calibration, log_loss, softmax
from training.reliability import calibration_error

Interval = tuple[float, float]
_Z_95 = 1.959963984540054  # the normal distribution's 97.5 % point
_SMALLEST = np.finfo(np.float64).tiny


@dataclass(frozen=True, kw_only=True)
class ClassFigures:
    """Figures of one label.

    Attributes:
        label: its name.
        images: of it.
        precision: share of the answers of this label that are right; None where it was never answered.
        recall: share of its images recognised; None where it has none.
    """

    label: str
    images: int
    precision: float | None
    recall: float | None


@dataclass(frozen=True, kw_only=True)
class Evaluation:
    """Figures of one labelled set.

    Attributes:
        labels: in the order of the confusion matrix.
        images: how many.
        accuracy: share whose top label is right, whatever its probability.
        accuracy_interval: 95 % interval of that share, by Wilson's score.
        log_loss: mean of -ln p of the right label, in nats.
        unknown_threshold: under which an answer is `unknown`.
        below_threshold: share of the images whose top probability is under it.
        top_probability: mean of the top probabilities.
        covered_accuracy: accuracy of the others; None where there are none.
        error_before: expected calibration error of the logits at temperature 1.
        error_after: the same of the probabilities as they are answered.
        classes: a row a label.
        confusion: [true][answered], counts.
    """

    labels: tuple[str, ...]
    images: int
    accuracy: float
    accuracy_interval: Interval
    log_loss: float
    unknown_threshold: float
    below_threshold: float
    top_probability: float
    covered_accuracy: float | None
    error_before: float
    error_after: float
    classes: tuple[ClassFigures, ...]
    confusion: tuple[tuple[int, ...], ...]

    def to_dict(self) -> dict[str, Any]:
        """The JSON form."""
        return asdict(self)

    def metrics(self) -> dict[str, float]:
        """The figures a manifest carries."""
        low, high = self.accuracy_interval
        return {
            "accuracy": self.accuracy,
            "accuracy_low": low,
            "accuracy_high": high,
            "below_threshold": self.below_threshold,
            "log_loss": self.log_loss,
            "images": float(self.images),
        }


def evaluate_probabilities(
    probabilities: npt.NDArray[np.floating],
    truth: npt.NDArray[np.int64],
    *,
    labels: tuple[str, ...],
    temperature: float = 1.0,
    unknown_threshold: float = 0.0,
) -> Evaluation:
    """Compare answers with the truth.

    Args:
        probabilities: [N, C], N at least 1.
        truth: int64 [N], class indexes.
        labels: C names.
        temperature: that is in the probabilities already.
        unknown_threshold: under which an answer is `unknown`.
    """
    right = probabilities.argmax(axis=1) == truth
    covered = (
        np.round(probabilities.max(axis=1).astype(np.float64), PROBABILITY_DECIMALS) >= unknown_threshold
    )
    confusion = _confusion(probabilities.argmax(axis=1), truth, classes=len(labels))
    return Evaluation(
        labels=labels,
        images=len(truth),
        accuracy=float(right.mean()),
        accuracy_interval=wilson_interval(int(right.sum()), of=len(truth)),
        log_loss=log_loss(probabilities, truth),
        unknown_threshold=unknown_threshold,
        below_threshold=float(1 - covered.mean()),
        top_probability=float(probabilities.max(axis=1).astype(np.float64).mean()),
        covered_accuracy=float(right[covered].mean()) if covered.any() else None,
        error_before=calibration_error(_at_temperature_1(probabilities, temperature), truth),
        error_after=calibration_error(probabilities, truth),
        classes=_classes(confusion, labels),
        confusion=tuple(tuple(map(int, row)) for row in confusion),
    )


def calibration_facts(calibration: Calibration, *, test: Evaluation) -> CalibrationFacts:
    """What the manifest says of a calibration, with the test split's figures."""
    return CalibrationFacts(
        images=calibration.images,
        at_bound=calibration.at_bound,
        coverage=calibration.coverage,
        test_coverage=1 - test.below_threshold,
        test_error_before=test.error_before,
        test_error_after=test.error_after,
    )


def reference_facts(test: Evaluation) -> ReferenceFacts:
    """What drift is measured against: how often each label was answered on the test split, right or wrong."""
    answers = np.array(test.confusion).sum(axis=0)
    return ReferenceFacts(
        images=test.images,
        label_shares=tuple(float(count / test.images) for count in answers),
        top_probability=test.top_probability,
        unknown_share=test.below_threshold,
    )


def wilson_interval(successes: int, *, of: int) -> Interval:
    """The 95 % interval of a share: Wilson 1927, 'Probable inference', J. Am. Stat. Assoc. 22, 209-212.

    Unlike share ± 1.96 standard errors it stays within 0 and 1, and is no point where all are right.

    Args:
        successes: 0 to `of`.
        of: at least 1.
    """
    share, weight = successes / of, _Z_95**2 / of
    centre = (share + weight / 2) / (1 + weight)
    half = _Z_95 * math.sqrt(share * (1 - share) / of + weight / (4 * of)) / (1 + weight)
    return max(0.0, centre - half), min(1.0, centre + half)


def _at_temperature_1(probabilities: npt.NDArray[np.floating], temperature: float) -> npt.NDArray[np.float64]:
    """What the softmax would give of the undivided logits: ln p is those, but for a constant an image."""
    return softmax(np.log(np.maximum(probabilities.astype(np.float64), _SMALLEST)), 1 / temperature)


def _confusion(
    answered: npt.NDArray[np.int64], truth: npt.NDArray[np.int64], *, classes: int
) -> npt.NDArray[np.int64]:
    counts = np.zeros((classes, classes), dtype=np.int64)
    np.add.at(counts, (truth, answered), 1)
    return counts


def _classes(confusion: npt.NDArray[np.int64], labels: tuple[str, ...]) -> tuple[ClassFigures, ...]:
    images, answers = confusion.sum(axis=1), confusion.sum(axis=0)
    return tuple(
        ClassFigures(
            label=label,
            images=int(images[n]),
            precision=float(confusion[n, n] / answers[n]) if answers[n] else None,
            recall=float(confusion[n, n] / images[n]) if images[n] else None,
        )
        for n, label in enumerate(labels)
    )
