"""How well a linear classifier tells the classes apart in given features: measured on a sample, no more."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.stats import binomtest
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import PredefinedSplit, cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from threadpoolctl import threadpool_limits

_FOLDS = 5
_LEVEL = 0.05  # of the paired test


@dataclass(frozen=True, kw_only=True)
class Separability:
    """Cross-validated accuracy of a linear classifier.

    Attributes:
        accuracy: share of the sample answered rightly by a classifier that had not seen it.
        low: lower end of its 95 % interval (Wilson).
        high: upper end.
        chance: share of the largest class of the sample, which needs no features at all.
    """

    accuracy: float
    low: float
    high: float
    chance: float

    @property
    def most_skill(self) -> float:
        """Upper end of the share of the way from chance to no mistake."""
        return (self.high - self.chance) / (1 - self.chance)


def rightly_answered(
    features: npt.NDArray[np.float32], labels: npt.NDArray[np.int64]
) -> npt.NDArray[np.bool]:
    """Whether each image was answered rightly by a logistic regression on the other folds.

    Args:
        features: [N, D], class by class: every fifth image then is a fold with its share of each class.
        labels: [N], at least two of each class.

    Returns:
        [N].
    """
    classifier = make_pipeline(StandardScaler(), LogisticRegression(max_iter=300, tol=1e-3))
    folds = PredefinedSplit(np.arange(len(labels)) % _FOLDS)
    with threadpool_limits(1):  # on threads that wait for TensorFlow's it would take a hundred times longer
        answers = cross_val_predict(classifier, features, labels, cv=folds)
    right: npt.NDArray[np.bool] = answers == labels
    return right


def separability(right: npt.NDArray[np.bool], labels: npt.NDArray[np.int64]) -> Separability:
    """The figures of `rightly_answered`; Wilson 1927 for the interval."""
    interval = binomtest(int(right.sum()), len(right)).proportion_ci(method="wilson")
    return Separability(
        accuracy=float(right.mean()),
        low=float(interval.low),
        high=float(interval.high),
        chance=float(np.bincount(labels).max() / len(labels)),
    )


def is_better(one: npt.NDArray[np.bool], other: npt.NDArray[np.bool]) -> bool:
    """Whether the first answers more of the same images rightly, by an exact McNemar test at 5 %."""
    gained, lost = int((one & ~other).sum()), int((other & ~one).sum())
    return gained > lost and float(binomtest(gained, gained + lost).pvalue) < _LEVEL
