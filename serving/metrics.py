"""What the gateway tells Prometheus. Base units; labels are route templates and known models only."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from enum import StrEnum

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
_PROBABILITIES = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.99, 1.0)
_BATCH_SIZES = (1, 2, 4, 8, 16, 32, 64, 128)


class Stage(StrEnum):
    """The way of an image through the gateway."""

    RECEIVE = "receive"
    DECODE = "decode"
    QUEUE = "queue"
    PREDICT = "predict"
    RESPOND = "respond"


class Metrics:
    """All instruments of one gateway, in a registry of its own."""

    def __init__(self, registry: CollectorRegistry) -> None:
        request_labels = ("route", "status", "model", "version")
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
        self.stage_duration = Histogram(
            "miwake_stage_duration_seconds",
            "Receive, predict and respond once a request or call; decode and queue once an image.",
            ("stage",),
            buckets=_SECONDS,
            registry=registry,
        )
        self.images = Counter("miwake_images", "Images received.", ("model",), registry=registry)
        self.images_rejected = Counter(
            "miwake_images_rejected", "Images refused, by error code.", ("model", "code"), registry=registry
        )
        self.predictions = Counter(
            "miwake_predictions", "Images labelled.", ("model", "version", "label"), registry=registry
        )
        self.top_probability = Histogram(
            "miwake_top_probability",
            "Probability of the best candidate.",
            ("model", "version"),
            buckets=_PROBABILITIES,
            registry=registry,
        )
        self.batch_size = Histogram(
            "miwake_batch_size",
            "Images in a Predict call, padding not counted.",
            ("model",),
            buckets=_BATCH_SIZES,
            registry=registry,
        )
        self.self_tests = Counter(
            "miwake_self_tests", "Self-tests of versions, by result.", ("model", "result"), registry=registry
        )
        self.model_ready = Gauge(
            "miwake_model_ready",
            "1 while a tested version of the model answers.",
            ("model",),
            registry=registry,
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
        """Count a passage that was measured elsewhere."""
        self.stage_duration.labels(stage).observe(seconds)
