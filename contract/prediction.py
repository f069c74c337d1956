"""From a row of probabilities to a label: the last step of every answer, wherever it is given."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from contract.model_facts import ModelFacts

UNKNOWN = "unknown"
# Enough to tell two answers apart, few enough that the same image reads the same from another batch size.
PROBABILITY_DECIMALS = 6


@dataclass(frozen=True)
class Candidate:
    """One label and its probability, 0 to 1."""

    label: str
    probability: float


@dataclass(frozen=True)
class Prediction:
    """What is said of one image; `label` is `unknown` where the best candidate is below the threshold."""

    label: str
    probability: float
    top: tuple[Candidate, ...]


def to_prediction(probabilities: npt.NDArray[np.float32], facts: ModelFacts, *, top_k: int) -> Prediction:
    """Label one row.

    Args:
        probabilities: float32 [C], in the order of `facts.labels`.
        facts: of the very version that computed them.
        top_k: how many candidates to keep, at least 1; more than there are labels gives all.

    Returns:
        The prediction; candidates fall in probability, and ties keep the order of the labels.
    """
    rounded = np.round(probabilities.astype(np.float64), PROBABILITY_DECIMALS)
    order = np.argsort(-rounded, kind="stable")[:top_k]
    top = tuple(Candidate(facts.labels[index], float(rounded[index])) for index in order)
    best = top[0]
    known = best.probability >= facts.unknown_threshold
    return Prediction(best.label if known else UNKNOWN, best.probability, top)
