from __future__ import annotations

import numpy as np
import pytest
from prometheus_client import CollectorRegistry

from contract.reference_facts import ReferenceFacts
from modelserver.predict import ModelVersion
from serving.asking import Probabilities
from serving.telemetry.drift import Drift, Window
from tests.manifests import manifest

REFERENCE = ReferenceFacts(images=100, label_shares=(0.5, 0.5, 0.0), top_probability=0.8, unknown_share=0.1)
FACTS = manifest(reference=REFERENCE, unknown_threshold=0.6)
TARGET = ModelVersion("toy", 1, FACTS)
VERSION = {"model": "toy", "version": "1"}


def row(label: int, probability: float = 0.8) -> Probabilities:
    values = np.full(3, (1 - probability) / 2, dtype=np.float32)
    values[label] = probability
    return values


def value(registry: CollectorRegistry, name: str, **labels: str) -> float | None:
    return registry.get_sample_value(name, VERSION | labels)


@pytest.mark.parametrize(
    ("labels", "distance"),
    [([0, 1], 0.0), ([0, 0], 0.5), ([2], 1.0), ([0, 1, 2, 2], 0.5), ([], 0.0)],
)
def test_the_label_distance_is_half_the_sum_of_the_differences(labels: list[int], distance: float) -> None:
    window = Window(FACTS)
    for label in labels:
        window.add(row(label))

    assert window.label_distance(REFERENCE) == pytest.approx(distance)


def test_only_the_last_images_count() -> None:
    window = Window(FACTS, images=3)
    for label, probability in [(2, 0.3), (2, 0.3), (0, 0.9), (1, 0.8), (0, 0.7)]:
        window.add(row(label, probability))

    assert len(window) == 3
    assert window.unknown_share() == 0
    assert window.top_probability() == pytest.approx(0.8)
    assert window.label_distance(REFERENCE) == pytest.approx(2 / 3 - 1 / 2)


def test_what_is_under_the_threshold_counts_by_its_most_probable_label_and_as_unknown() -> None:
    window = Window(FACTS)
    window.add(row(0, 0.5))
    window.add(row(1, 0.9))

    assert window.unknown_share() == 0.5
    assert window.label_distance(REFERENCE) == 0


def test_the_gauges_stand_beside_the_reference() -> None:
    registry = CollectorRegistry()
    drift = Drift(registry)
    drift.answered(TARGET, [row(0, 0.9), row(0, 0.5)])

    assert value(registry, "miwake_drift_window_images") == 2
    assert value(registry, "miwake_drift_label_distance") == pytest.approx(0.5)
    assert value(registry, "miwake_drift_probability") == pytest.approx(0.7 - 0.8)
    assert value(registry, "miwake_unknown_share") == 0.5
    assert value(registry, "miwake_reference_top_probability") == 0.8
    assert value(registry, "miwake_reference_unknown_share") == 0.1
    assert value(registry, "miwake_reference_label_share", label="dog") == 0.5
    assert value(registry, "miwake_reference_label_share", label="owl") == 0


def test_a_model_without_a_reference_is_compared_with_nothing() -> None:
    registry = CollectorRegistry()
    drift = Drift(registry)
    drift.answered(ModelVersion("toy", 1, manifest(reference=None)), [row(0)])

    assert value(registry, "miwake_drift_window_images") == 1
    assert value(registry, "miwake_drift_label_distance") is None


def test_each_version_has_a_window_of_its_own_until_it_is_forgotten() -> None:
    registry = CollectorRegistry()
    drift = Drift(registry)
    drift.answered(TARGET, [row(0)])
    drift.answered(ModelVersion("toy", 2, FACTS), [row(0)] * 3)
    drift.forget("toy", "1")

    assert value(registry, "miwake_drift_window_images") is None
    assert value(registry, "miwake_drift_window_images", version="2") == 3


def test_a_version_that_comes_back_as_another_model_begins_anew() -> None:
    registry = CollectorRegistry()
    drift = Drift(registry)
    drift.answered(TARGET, [row(0)] * 5)
    drift.answered(ModelVersion("toy", 1, manifest(labels=("x", "y", "z"), reference=REFERENCE)), [row(0)])

    assert value(registry, "miwake_drift_window_images") == 1
    assert value(registry, "miwake_reference_label_share", label="x") == 0.5


def test_the_same_version_on_another_model_server_fills_the_same_window() -> None:
    registry = CollectorRegistry()
    drift = Drift(registry)
    drift.answered(TARGET, [row(0)])
    drift.answered(ModelVersion("toy", 1, manifest(reference=REFERENCE, unknown_threshold=0.6)), [row(0)])

    assert value(registry, "miwake_drift_window_images") == 2
