"""Shadow traffic: a share of the answered requests also goes to a second version, to see how far they agree.

Nobody waits for it. What it costs the live requests is bounded: one shadow request at a time, a short queue
bounded by count and bytes, and none at all while the gateway is busy; what is not compared is counted.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, replace

from prometheus_client import CollectorRegistry, Counter, Histogram

from contract.errors import ImageError, MiwakeError
from contract.image import Pixels
from contract.prediction import to_prediction
from modelserver.errors import ModelNotFoundError
from modelserver.predict import ModelVersion
from serving.asking import Answer, ImagesRequest, Probabilities, VersionChoice
from serving.load.deadline import Deadline

_log = logging.getLogger(__name__)
# Live images under way, beyond which there is no time for shadows: a full batch of most models.
QUIET_IMAGES = 32
MAX_WAITING_REQUESTS = 64
MAX_WAITING_BYTES = 64 * 1024 * 1024
_DIFFERENCES = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0)
_VERSIONS = ("model", "version", "shadow_version")

# Answers a request; the predictor's.
Predict = Callable[[ImagesRequest], Awaitable[Answer[Probabilities]]]


class ShadowMetrics:
    """How far two versions agree."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.images = Counter(
            "miwake_shadow_images",
            "Images that a shadow version answered too, by whether its label was the same.",
            (*_VERSIONS, "agrees"),
            registry=registry,
        )
        self.difference = Histogram(
            "miwake_shadow_probability_difference",
            "Between the two versions' probabilities of the most probable live label, absolute.",
            _VERSIONS,
            buckets=_DIFFERENCES,
            registry=registry,
        )
        self.dropped = Counter(
            "miwake_shadow_dropped_images",
            "Images drawn for a shadow version and not compared.",
            (*_VERSIONS, "reason"),
            registry=registry,
        )

    def forget(self, model: str, version: str) -> None:
        """A version is gone for good, be it the live one or the shadow."""
        for instrument in (self.images, self.difference, self.dropped):
            instrument.remove_by_labels({"model": model, "version": version})
            instrument.remove_by_labels({"model": model, "shadow_version": version})


@dataclass(frozen=True, kw_only=True)
class _Drawn:
    request: ImagesRequest
    answer: Answer[Probabilities]
    shadow_version: int

    @property
    def bytes(self) -> int:
        return sum(map(_bytes, self.request.images))


class Shadow:
    """Takes answered requests and, one after another, has the drawn ones answered by the shadow version."""

    def __init__(  # noqa: PLR0913 - what it asks, whom, how long, how much
        self,
        *,
        predict: Predict,
        version_of: Callable[[str], int | None],
        is_busy: Callable[[], bool],
        timeout_seconds: float,
        metrics: ShadowMetrics,
        max_waiting_requests: int = MAX_WAITING_REQUESTS,
        max_waiting_bytes: int = MAX_WAITING_BYTES,
    ) -> None:
        """Wire it up.

        Args:
            predict: answers a request.
            version_of: the shadow's version for a request of this model, or None where none is drawn.
            is_busy: whether live requests need all there is.
            timeout_seconds: for one shadow request.
            metrics: what is learnt.
            max_waiting_requests: more are dropped.
            max_waiting_bytes: of their images; more are dropped.
        """
        self._predict = predict
        self._version_of = version_of
        self._is_busy = is_busy
        self._timeout_seconds = timeout_seconds
        self._metrics = metrics
        self._waiting: asyncio.Queue[_Drawn] = asyncio.Queue(max_waiting_requests)
        self._max_waiting_bytes = max_waiting_bytes
        self._bytes = 0

    def offer(self, request: ImagesRequest, answer: Answer[Probabilities]) -> None:
        """A live request was answered. Takes microseconds, never waits, never fails."""
        version = self._drawn_version(request)
        if version is None or version == answer.target.version:
            return
        asked = replace(request, choice=VersionChoice(version=version), sticky_key="", caller="", live=False)
        drawn = _Drawn(request=asked, answer=answer, shadow_version=version)
        if self._is_busy() or self._waiting.full() or self._bytes + drawn.bytes > self._max_waiting_bytes:
            self._dropped(drawn, "busy")
            return
        self._bytes += drawn.bytes
        self._waiting.put_nowait(drawn)

    def _drawn_version(self, request: ImagesRequest) -> int | None:
        try:
            return self._version_of(request.model) if request.live else None
        except ModelNotFoundError:  # it was taken out of models.toml while it answered
            return None

    async def run(self) -> None:
        """Work until cancelled."""
        while True:
            drawn = await self._waiting.get()
            try:
                await self._compare(drawn)
            # A fault of ours must not end the comparing; the next request may go better.
            except Exception:  # noqa: BLE001
                _log.exception("unexpected error in a shadow request")
                self._dropped(drawn, "failed")
            finally:
                self._bytes -= drawn.bytes

    async def _compare(self, drawn: _Drawn) -> None:
        if self._is_busy():
            self._dropped(drawn, "busy")
            return
        try:
            request = replace(drawn.request, deadline=Deadline.after(self._timeout_seconds))
            shadow = await self._predict(request)
        except MiwakeError as exc:
            _log.debug("shadow of %s: %s", drawn.request.model, exc)
            self._dropped(drawn, "failed")
        else:
            self._count(drawn.answer, shadow)

    def _count(self, live: Answer[Probabilities], shadow: Answer[Probabilities]) -> None:
        model, versions = live.target.model, (str(live.target.version), str(shadow.target.version))
        for live_row, shadow_row in _rows(live, shadow):
            said = to_prediction(live_row, live.target.facts, top_k=1)
            shadow_said = to_prediction(shadow_row, shadow.target.facts, top_k=1)
            agrees = "true" if said.label == shadow_said.label else "false"
            self._metrics.images.labels(model, *versions, agrees).inc()
            best = said.top[0]
            difference = abs(best.probability - _probability(shadow_row, shadow.target, best.label))
            self._metrics.difference.labels(model, *versions).observe(difference)

    def _dropped(self, drawn: _Drawn, reason: str) -> None:
        live = drawn.answer.target
        labels = (live.model, str(live.version), str(drawn.shadow_version), reason)
        self._metrics.dropped.labels(*labels).inc(len(drawn.request.images))


def _rows(
    live: Answer[Probabilities], shadow: Answer[Probabilities]
) -> Iterator[tuple[Probabilities, Probabilities]]:
    """Those of images that both answered."""
    for live_outcome, shadow_outcome in zip(live.outcomes, shadow.outcomes, strict=True):
        if not isinstance(live_outcome, ImageError) and not isinstance(shadow_outcome, ImageError):
            yield live_outcome, shadow_outcome


def _bytes(image: bytes | Pixels | ImageError) -> int:
    if isinstance(image, ImageError):
        return 0
    return len(image) if isinstance(image, bytes) else image.nbytes


def _probability(row: Probabilities, target: ModelVersion, label: str) -> float:
    """What a version gives a label: 0 where it does not know it."""
    labels = target.facts.labels
    return float(row[labels.index(label)]) if label in labels else 0.0
