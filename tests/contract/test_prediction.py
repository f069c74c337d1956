from __future__ import annotations

import numpy as np

from contract.prediction import UNKNOWN, Candidate, to_prediction
from tests.manifests import manifest


def row(*values: float) -> np.ndarray:
    return np.array(values, dtype=np.float32)


def test_the_best_label_comes_first_with_its_probability() -> None:
    prediction = to_prediction(row(0.2, 0.7, 0.1), manifest(), top_k=2)

    assert prediction.label == "dog"
    assert prediction.top == (Candidate("dog", 0.7), Candidate("cat", 0.2))


def test_more_candidates_than_labels_gives_all() -> None:
    assert len(to_prediction(row(0.2, 0.7, 0.1), manifest(), top_k=50).top) == 3


def test_ties_keep_the_order_of_the_labels() -> None:
    prediction = to_prediction(row(0.3, 0.35, 0.35), manifest(), top_k=3)

    assert [candidate.label for candidate in prediction.top] == ["dog", "owl", "cat"]


def test_under_the_threshold_the_label_is_unknown_and_the_candidates_stay() -> None:
    prediction = to_prediction(row(0.4, 0.35, 0.25), manifest(unknown_threshold=0.5), top_k=1)

    assert prediction.label == UNKNOWN
    assert prediction.top == (Candidate("cat", 0.4),)


def test_probabilities_are_rounded_before_the_threshold() -> None:
    prediction = to_prediction(row(0.49999999, 0.3, 0.2), manifest(unknown_threshold=0.5), top_k=1)

    assert (prediction.label, prediction.probability) == ("cat", 0.5)
