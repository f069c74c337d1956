from __future__ import annotations

import numpy as np
import pytest

from training.evaluation import evaluate_probabilities


def test_figures_of_four_answers():
    probabilities = np.array([[0.7, 0.2, 0.1], [0.4, 0.5, 0.1], [0.1, 0.8, 0.1], [0.2, 0.5, 0.3]])
    truth = np.array([0, 0, 1, 1])

    evaluation = evaluate_probabilities(probabilities, truth, labels=("a", "b", "c"))

    assert evaluation.accuracy == 0.75
    assert evaluation.log_loss == pytest.approx(-np.log([0.7, 0.4, 0.8, 0.5]).mean())
    assert evaluation.recall == {"a": 0.5, "b": 1.0}
    assert evaluation.confusion == ((1, 1, 0), (0, 2, 0), (0, 0, 0))
    assert evaluation.metrics()["images"] == 4
