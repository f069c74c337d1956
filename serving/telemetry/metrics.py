"""What the gateway tells Prometheus. Base units; labels are route templates, known models and versions only.

A request's version is the one that answers it; until that is settled, the one that would. Where no version
of the model may answer it is empty, and so is the model of a request that names none that is known.

Histograms carry the last request's trace id in each bucket as an exemplar, for readers of OpenMetrics.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from typing import Literal

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from contract.errors import ImageError
from contract.prediction import to_prediction
from modelserver.predict import ModelVersion
from serving.asking import Answer, Probabilities, Row
from serving.shadow import ShadowMetrics
from serving.telemetry.drift import Drift
from serving.telemetry.request_record import current_record
from serving.telemetry.stage import Stage
from serving.telemetry.version_series import VersionSeries

__all__ = ["Metrics", "Stage"]

_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)
_PROBABILITIES = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.99, 1.0)
_BATCH_SIZES = (1, 2, 4, 8, 16, 32, 64, 128)
_VERSION = ("model", "version")
# What became of a request that may be sent a second time.
Retry = Literal["sent", "no_budget"]
SelfTest = Literal["passed", "failed", "not_loaded"]


class Metrics:
    """All instruments of one gateway, in a registry of its own.

    Attributes:
        drift: how far live answers are from the reference.
        shadow: how far the shadow's are from the live ones.
        versions: drops the series of versions that are gone.
    """

    def __init__(self, registry: CollectorRegistry) -> None:
        request_labels = ("route", "status", *_VERSION)
        self.requests = Counter(
            "miwake_requests", "HTTP requests answered.", request_labels, registry=registry
        )
        self.request_duration = Histogram(
            "miwake_request_duration_seconds",
            "From the end of a request's headers to the last byte of its answer.",
            request_labels,
            buckets=_SECONDS,
            registry=registry,
        )
        self.requests_in_flight = Gauge(
            "miwake_requests_in_flight", "HTTP requests being answered.", registry=registry
        )
        self.refused = Counter(
            "miwake_refused",
            "Requests refused before any work was done, by the version that would have answered.",
            ("reason", *_VERSION),
            registry=registry,
        )
        self.admitted_requests = Gauge(
            "miwake_admitted_requests", "Requests with images let in and not answered.", registry=registry
        )
        self.admitted_images = Gauge(
            "miwake_admitted_images", "Images let in and not answered.", registry=registry
        )
        self.admitted_bytes = Gauge(
            "miwake_admitted_bytes", "Of the bodies let in, as far as they are here.", registry=registry
        )
        self.retries = Counter(
            "miwake_retries",
            "Requests whose model server was away or overloaded: sent again, or not for want of budget.",
            (*_VERSION, "result"),
            registry=registry,
        )
        self.stage_duration = Histogram(
            "miwake_stage_duration_seconds",
            "Receive and respond once a request, decode and queue once an image, predict once a call.",
            ("stage", *_VERSION),
            buckets=_SECONDS,
            registry=registry,
        )
        self.calls_in_flight = Gauge(
            "miwake_calls_in_flight", "Calls of the model server under way.", _VERSION, registry=registry
        )
        self.batch_size = Histogram(
            "miwake_batch_size",
            "Images in a call, padding not counted.",
            _VERSION,
            buckets=_BATCH_SIZES,
            registry=registry,
        )
        self.images = Counter(
            "miwake_images", "Images received, by the version to answer.", _VERSION, registry=registry
        )
        self.images_rejected = Counter(
            "miwake_images_rejected", "Images refused, by error code.", (*_VERSION, "code"), registry=registry
        )
        self.predictions = Counter(
            "miwake_predictions", "Images labelled.", (*_VERSION, "label"), registry=registry
        )
        self.top_probability = Histogram(
            "miwake_top_probability",
            "Probability of the best candidate.",
            _VERSION,
            buckets=_PROBABILITIES,
            registry=registry,
        )
        self.self_tests = Counter(
            "miwake_self_tests",
            "Self-tests of versions, by result.",
            (*_VERSION, "result"),
            registry=registry,
        )
        self.drift = Drift(registry)
        self.shadow = ShadowMetrics(registry)
        self.versions = VersionSeries(self._forget)
        self._by_version = (
            self.requests,
            self.request_duration,
            self.refused,
            self.retries,
            self.stage_duration,
            self.calls_in_flight,
            self.batch_size,
            self.images,
            self.images_rejected,
            self.predictions,
            self.top_probability,
            self.self_tests,
        )

    @contextlib.contextmanager
    def stage(self, stage: Stage) -> Iterator[None]:
        """Measure a block as one passage of a stage, whether or not it succeeds."""
        started = time.perf_counter()
        try:
            yield
        finally:
            self.observe_stage(stage, time.perf_counter() - started)

    def observe_stage(self, stage: Stage, seconds: float) -> None:
        """A passage of the present request has just ended; model and version are what it has found so far."""
        self.stage_duration.labels(stage, *_version()).observe(seconds, exemplar())
        if record := current_record():
            record.passed(stage, seconds)

    @contextlib.contextmanager
    def call(self, target: ModelVersion, *, images: int) -> Iterator[None]:
        """Measure a block as one call of the model server: a batch, perhaps of several requests' images."""
        version = (target.model, str(target.version))
        self.batch_size.labels(*version).observe(images, exemplar())
        started = time.perf_counter()
        try:
            with self.calls_in_flight.labels(*version).track_inprogress():
                yield
        finally:
            seconds = time.perf_counter() - started
            self.stage_duration.labels(Stage.PREDICT, *version).observe(seconds, exemplar())

    @staticmethod
    def predicted(seconds: float) -> None:
        """The call with an image of the present request has ended; `call` has measured it."""
        if record := current_record():
            record.passed(Stage.PREDICT, seconds)

    def answered_request(self, *, route: str, status: int, seconds: float) -> None:
        """The present request was answered."""
        labels = (route, str(status), *_version())
        self.requests.labels(*labels).inc()
        self.request_duration.labels(*labels).observe(seconds, exemplar())

    def received(self, model: str, version: str, *, images: int) -> None:
        """A request for a known model holds so many images, for this version to answer; empty for none."""
        self.images.labels(model, version).inc(images)
        if record := current_record():
            record.images += images

    def count_refused(self, reason: str) -> None:
        """Count the present request, which admission did not let in."""
        self.refused.labels(reason, *_version()).inc()

    def answered(self, answer: Answer[Row]) -> None:
        """Count the images of any answer that were refused."""
        version = (answer.target.model, str(answer.target.version))
        refused = [outcome for outcome in answer.outcomes if isinstance(outcome, ImageError)]
        for error in refused:
            self.images_rejected.labels(*version, error.code).inc()
        if record := current_record():
            record.rejected += len(refused)

    def labelled(self, answer: Answer[Probabilities]) -> None:
        """Count what was said of each image that was not refused."""
        target = answer.target
        version = (target.model, str(target.version))
        rows = [outcome for outcome in answer.outcomes if not isinstance(outcome, ImageError)]
        for row in rows:
            said = to_prediction(row, target.facts, top_k=1)
            self.predictions.labels(*version, said.label).inc()
            self.top_probability.labels(*version).observe(said.probability, exemplar())
        self.drift.answered(target, rows)

    def retried(self, target: ModelVersion, result: Retry) -> None:
        """A model server could not answer a request, another might."""
        self.retries.labels(target.model, str(target.version), result).inc()

    def self_tested(self, model: str, version: int, result: SelfTest) -> None:
        """A version's self-test has ended, or there can be none."""
        self.self_tests.labels(model, str(version), result).inc()

    def _forget(self, model: str, version: str) -> None:
        for instrument in self._by_version:
            instrument.remove_by_labels({"model": model, "version": version})
        self.drift.forget(model, version)
        self.shadow.forget(model, version)


def _version() -> tuple[str, str]:
    """Model and version of the present request, as far as they are known."""
    record = current_record()
    return (record.state.model, record.state.version) if record else ("", "")


def exemplar() -> dict[str, str] | None:
    """What leads from a bucket to a trace and to its log lines."""
    record = current_record()
    return {"trace_id": record.trace.trace_id} if record else None
