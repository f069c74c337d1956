"""What answers and what is under way, looked up when somebody asks for the metrics."""

from __future__ import annotations

import collections
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence

from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from modelserver.protocol import VersionState
from serving.telemetry.version_series import Key
from serving.versions.backends import Backends
from serving.versions.served_version import ServedVersion


class ServedGauges(Collector):
    """Gauges of models and of the versions that may answer, over all model servers."""

    def __init__(
        self, backends: Backends, *, stable_versions: Callable[[], Mapping[str, Sequence[int | None]]]
    ) -> None:
        """Look at these model servers; `stable_versions`: see `Routing.all_stable_versions`."""
        self._backends = backends
        self._stable_versions = stable_versions

    def describe(self) -> Iterator[GaugeMetricFamily]:
        """The families without their values."""
        yield from (_model_ready(), _in_flight(), _waiting())

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """Called by the registry, on any thread."""
        served = tuple(_served(self._backends))
        ready, in_flight, waiting = _model_ready(), _in_flight(), _waiting()
        able = {(one.target.model, str(one.target.version)) for one in served}
        # With an alias another version's passing, a canary's perhaps, is no answer.
        unable = {
            model
            for model, versions in self._stable_versions().items()
            if not _answers(model, versions, able)
        }
        for version in sorted(able):
            ready.add_metric(version, 1)
        for model in sorted(unable):
            ready.add_metric((model, ""), 0)
        for version, images in _by_version(served, lambda one: one.load).items():
            in_flight.add_metric(version, images)
        for version, images in _by_version(served, lambda one: one.waiting).items():
            waiting.add_metric(version, images)
        yield from (ready, in_flight, waiting)


def versions_there(backends: Backends, *, models: Collection[str]) -> set[Key]:
    """All that labels may speak of now: each model without a version, and each version that there is.

    A model server has it, is about to, or says that it cannot load it; it goes on speaking of those that
    ended.
    """
    return {(model, "") for model in models} | {
        (model, str(status.version))
        for backend in tuple(backends)
        for model, watch in tuple(backend.watches.items())
        for status in watch.statuses
        if status.state is not VersionState.END or status.error
    }


def _answers(model: str, versions: Sequence[int | None], able: Collection[Key]) -> bool:
    """Whether one of these versions may answer; None stands for any."""
    passed = {version for name, version in able if name == model}
    return any(passed if version is None else str(version) in passed for version in versions)


def _served(backends: Backends) -> Iterator[ServedVersion]:
    # Copies: the event loop goes on meanwhile.
    for backend in tuple(backends):
        for watch in tuple(backend.watches.values()):
            for status in watch.statuses:
                if served := watch.passed(status.version):
                    yield served


def _by_version(
    served: Collection[ServedVersion], images_of: Callable[[ServedVersion], int]
) -> collections.Counter[Key]:
    images: collections.Counter[Key] = collections.Counter()
    for one in served:
        images[one.target.model, str(one.target.version)] += images_of(one)
    return images


def _model_ready() -> GaugeMetricFamily:
    text = "1 for each tested version that may answer; 0, and no version, where no stable one may."
    return GaugeMetricFamily("miwake_model_ready", text, labels=("model", "version"))


def _in_flight() -> GaugeMetricFamily:
    text = "Images of requests that a version was given and has not answered."
    return GaugeMetricFamily("miwake_images_in_flight", text, labels=("model", "version"))


def _waiting() -> GaugeMetricFamily:
    text = "Of them, decoded and waiting for a call."
    return GaugeMetricFamily("miwake_images_waiting", text, labels=("model", "version"))
