"""Whether a model's answers still look like those to its test split.

Nobody knows the right labels of live images, but what a model answers is known: how often each label, how
surely, how often `unknown`. A camera that was moved, or a class that nobody trained for, shows there first.

For each model version, over a window of its last images:

- label distance: the total variation distance ½ Σ |pᵢ - qᵢ| between the shares pᵢ of the labels in the
  window and qᵢ in the manifest's reference, from 0 (alike) to 1 (nothing in common): the largest difference
  that any set of labels shows (Levin and Peres, 'Markov Chains and Mixing Times', 2nd ed. 2017, section 4.1).
  Unlike the population stability index and the Kullback-Leibler divergence it is finite where a share is 0,
  as some of a small test split are. n images that follow the reference exactly still show by chance about
  Σ sqrt(qᵢ (1 - qᵢ) / (2 π n)): 0.025 for five even labels and 1,000 images. Alarms belong well above that.
- probability difference: the window's mean top probability less the reference's.
- unknown share: of the window's images, those under the threshold.
"""

from __future__ import annotations

import collections
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
from prometheus_client import CollectorRegistry
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from contract.model_facts import ModelFacts
from contract.prediction import PROBABILITY_DECIMALS
from contract.reference_facts import ReferenceFacts
from modelserver.predict import ModelVersion
from serving.asking import Probabilities

WINDOW_IMAGES = 1000
_Family = tuple[str, str]
_LABELS = ("model", "version")
_WINDOW: tuple[_Family, ...] = (
    ("miwake_drift_window_images", "Images in the window that the drift gauges speak of."),
    ("miwake_unknown_share", "Share of the window's images under the threshold."),
)
_COMPARED: tuple[_Family, ...] = (
    ("miwake_drift_label_distance", "Total variation distance of the window's labels from the reference's."),
    ("miwake_drift_probability", "Mean top probability of the window less the reference's."),
)
_REFERENCE: tuple[_Family, ...] = (
    ("miwake_reference_top_probability", "Mean top probability on the test split."),
    ("miwake_reference_unknown_share", "Share of the test split under the threshold."),
)
_REFERENCE_LABEL_SHARE: _Family = (
    "miwake_reference_label_share",
    "Share of the test split whose most probable label it is.",
)


@dataclass(frozen=True, kw_only=True)
class _Said:
    """What was said of one image."""

    label: int
    probability: float
    unknown: bool


class Window:
    """The last answers of one model version."""

    def __init__(self, facts: ModelFacts, *, images: int = WINDOW_IMAGES) -> None:
        self._threshold = facts.unknown_threshold
        self._images = images
        self._said: collections.deque[_Said] = collections.deque()
        self._counts = np.zeros(len(facts.labels), dtype=np.int64)
        self._unknown = 0

    def __len__(self) -> int:
        return len(self._said)

    def add(self, probabilities: Probabilities) -> None:
        """An image was answered with this row, float32 [C]; the oldest leaves a full window."""
        label = int(probabilities.argmax())
        probability = round(float(probabilities[label]), PROBABILITY_DECIMALS)
        said = _Said(label=label, probability=probability, unknown=probability < self._threshold)
        self._count(said, 1)
        self._said.append(said)
        if len(self._said) > self._images:
            self._count(self._said.popleft(), -1)

    def unknown_share(self) -> float:
        """Of an empty window 0."""
        return self._unknown / max(1, len(self))

    def top_probability(self) -> float:
        """The mean; summed anew, as a running sum of floats strays. Of an empty window 0."""
        return sum(said.probability for said in tuple(self._said)) / max(1, len(self))

    def label_distance(self, reference: ReferenceFacts) -> float:
        """The total variation distance, 0 to 1; of an empty window 0."""
        if not self._said:
            return 0.0
        shares = self._counts / self._counts.sum()
        return float(np.abs(shares - np.array(reference.label_shares)).sum() / 2)

    def _count(self, said: _Said, change: int) -> None:
        self._counts[said.label] += change
        self._unknown += change * said.unknown


class Drift(Collector):
    """A window for each model version that answers, shown as gauges whenever they are asked for."""

    def __init__(self, registry: CollectorRegistry, *, window_images: int = WINDOW_IMAGES) -> None:
        self._window_images = window_images
        self._windows: dict[tuple[str, str], tuple[ModelVersion, Window]] = {}
        registry.register(self)

    def answered(self, target: ModelVersion, rows: Iterable[Probabilities]) -> None:
        """A version has answered images with these rows, each float32 [C]."""
        window = self._window(target)
        for row in rows:
            window.add(row)

    def forget(self, model: str, version: str) -> None:
        """A version is gone for good."""
        self._windows.pop((model, version), None)

    def describe(self) -> Iterator[GaugeMetricFamily]:
        """The families without their values; spares the registry a collection."""
        yield from self._families().values()

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """Called by the registry, on any thread."""
        families = self._families()
        for target, window in tuple(self._windows.values()):
            _add_window(families, target, window)
        yield from families.values()

    def _window(self, target: ModelVersion) -> Window:
        key = (target.model, str(target.version))
        known = self._windows.get(key)
        # A version may come back as another file of the same number.
        if known is None or (known[0].facts is not target.facts and known[0].facts != target.facts):
            known = (target, Window(target.facts, images=self._window_images))
            self._windows[key] = known
        return known[1]

    @staticmethod
    def _families() -> dict[str, GaugeMetricFamily]:
        plain = {
            name: GaugeMetricFamily(name, text, labels=_LABELS)
            for name, text in (*_WINDOW, *_COMPARED, *_REFERENCE)
        }
        name, text = _REFERENCE_LABEL_SHARE
        return plain | {name: GaugeMetricFamily(name, text, labels=(*_LABELS, "label"))}


def _add_window(families: dict[str, GaugeMetricFamily], target: ModelVersion, window: Window) -> None:
    version = (target.model, str(target.version))

    def add(rows: tuple[_Family, ...], *values: float) -> None:
        for (name, _), value in zip(rows, values, strict=True):
            families[name].add_metric(version, value)

    add(_WINDOW, len(window), window.unknown_share())
    reference = target.manifest.reference if target.manifest else None
    if reference is None:
        return
    add(
        _COMPARED,
        window.label_distance(reference),
        window.top_probability() - reference.top_probability,
    )
    add(_REFERENCE, reference.top_probability, reference.unknown_share)
    shares = families[_REFERENCE_LABEL_SHARE[0]]
    for label, share in zip(target.facts.labels, reference.label_shares, strict=True):
        shares.add_metric((*version, label), share)
