from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest
from prometheus_client import CollectorRegistry

from contract.errors import ImageUndecodableError
from modelserver.errors import ModelNotFoundError, ModelServerAwayError
from modelserver.predict import ModelVersion
from serving.asking import Answer, ImagesRequest, Probabilities, VersionChoice
from serving.load.deadline import Deadline
from serving.shadow import Shadow, ShadowMetrics
from tests.manifests import manifest

LIVE = ModelVersion("toy", 3, manifest(unknown_threshold=0.5))
SHADOW = ModelVersion("toy", 4, manifest(unknown_threshold=0.5))
SURE_CAT, LIKELY_CAT, SURE_DOG, NOTHING = (0.9, 0.1, 0.0), (0.6, 0.3, 0.1), (0.1, 0.9, 0.0), (0.4, 0.3, 0.3)


def row(values: tuple[float, ...]) -> Probabilities:
    return np.array(values, dtype=np.float32)


@dataclass
class Stage:
    """A shadow between a predictor of fixed answers and metrics to be read."""

    answers: Any = (SURE_CAT,)
    version: int | None = 4
    busy: bool = False
    asked: list[ImagesRequest] = field(default_factory=list)
    gate: asyncio.Event = field(default_factory=asyncio.Event)
    limits: dict[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.registry = CollectorRegistry()
        self.metrics = ShadowMetrics(self.registry)
        self.shadow = Shadow(
            predict=self._predict,
            version_of=self._version_of,
            is_busy=lambda: self.busy,
            timeout_seconds=1.0,
            metrics=self.metrics,
            **self.limits,
        )
        self.gate.set()

    def _version_of(self, model: str) -> int | None:
        if model != "toy":
            raise ModelNotFoundError(model)
        return self.version

    async def _predict(self, request: ImagesRequest) -> Answer[Probabilities]:
        self.asked.append(request)
        await self.gate.wait()
        if isinstance(self.answers, Exception):
            raise self.answers
        rows = [a if isinstance(a, Exception) else row(a) for a in self.answers]
        return Answer(SHADOW, tuple(rows))

    def offer(self, *live: Any, **changes: Any) -> None:
        members = {"model": "toy", "images": [b"12345"] * len(live), "deadline": Deadline.after(1)} | changes
        outcomes = tuple(a if isinstance(a, Exception) else row(a) for a in live)
        self.shadow.offer(ImagesRequest(**members), Answer(LIVE, outcomes))

    def images(self, agrees: str) -> float:
        labels = {"model": "toy", "version": "3", "shadow_version": "4", "agrees": agrees}
        return self.registry.get_sample_value("miwake_shadow_images_total", labels) or 0

    def dropped(self, reason: str) -> float:
        labels = {"model": "toy", "version": "3", "shadow_version": "4", "reason": reason}
        return self.registry.get_sample_value("miwake_shadow_dropped_images_total", labels) or 0

    def difference(self) -> float:
        labels = {"model": "toy", "version": "3", "shadow_version": "4"}
        total = self.registry.get_sample_value("miwake_shadow_probability_difference_sum", labels)
        assert total is not None
        return total


@contextlib.asynccontextmanager
async def running(shadow: Shadow) -> AsyncIterator[None]:
    task = asyncio.create_task(shadow.run())
    try:
        yield
    finally:
        await settle()
        task.cancel()
        await asyncio.wait([task])


async def settle() -> None:
    for _ in range(10):
        await asyncio.sleep(0)


async def test_the_drawn_request_goes_to_the_shadow_version_and_does_not_count_as_live() -> None:
    stage = Stage()
    async with running(stage.shadow):
        stage.offer(SURE_CAT, sticky_key="somebody", choice=VersionChoice(label="stable"))

    (asked,) = stage.asked
    assert asked.choice == VersionChoice(version=4)
    assert (asked.images, asked.live, asked.sticky_key) == ([b"12345"], False, "")


async def test_agreement_is_the_label_a_client_would_see() -> None:
    stage = Stage(answers=(LIKELY_CAT, SURE_DOG, NOTHING))
    async with running(stage.shadow):
        stage.offer(SURE_CAT, SURE_CAT, SURE_CAT)

    assert (stage.images("true"), stage.images("false")) == (1, 2)


async def test_the_difference_is_that_of_the_live_answers_best_label() -> None:
    stage = Stage(answers=(LIKELY_CAT, SURE_DOG))
    async with running(stage.shadow):
        stage.offer(SURE_CAT, SURE_CAT)

    assert stage.difference() == pytest.approx((0.9 - 0.6) + (0.9 - 0.1))


async def test_what_is_not_drawn_or_is_the_shadows_own_or_not_live_is_not_asked() -> None:
    stage = Stage(version=None)
    async with running(stage.shadow):
        stage.offer(SURE_CAT)
        stage.version = 3
        stage.offer(SURE_CAT)
        stage.version = 4
        stage.offer(SURE_CAT, live=False)
        stage.offer(SURE_CAT, model="gone-from-models-toml")

    assert stage.asked == []


async def test_images_that_either_refused_are_not_compared() -> None:
    stage = Stage(answers=(SURE_CAT, ImageUndecodableError("broken"), SURE_CAT))
    async with running(stage.shadow):
        stage.offer(ImageUndecodableError("broken"), SURE_CAT, SURE_CAT)

    assert (stage.images("true"), stage.images("false")) == (1, 0)


async def test_a_full_queue_drops_and_counts() -> None:
    stage = Stage(limits={"max_waiting_requests": 2})
    for _ in range(5):
        stage.offer(SURE_CAT)
    async with running(stage.shadow):
        pass

    assert (len(stage.asked), stage.dropped("busy")) == (2, 3)


async def test_bytes_are_bounded_too_and_given_back() -> None:
    stage = Stage(limits={"max_waiting_bytes": 12})
    for _ in range(3):
        stage.offer(SURE_CAT)
    async with running(stage.shadow):
        await settle()
        stage.offer(SURE_CAT)

    assert (len(stage.asked), stage.dropped("busy")) == (3, 1)


async def test_a_busy_gateway_has_no_time_for_shadows_not_even_those_that_wait() -> None:
    stage = Stage()
    stage.offer(SURE_CAT)
    stage.busy = True
    stage.offer(SURE_CAT)
    async with running(stage.shadow):
        pass

    assert (stage.asked, stage.dropped("busy")) == ([], 2)


async def test_one_shadow_request_is_under_way_at_a_time() -> None:
    stage = Stage()
    stage.gate.clear()
    async with running(stage.shadow):
        for _ in range(3):
            stage.offer(SURE_CAT)
        await settle()
        under_way = len(stage.asked)
        stage.gate.set()

    assert (under_way, len(stage.asked)) == (1, 3)


@pytest.mark.parametrize("error", [ModelServerAwayError("away"), RuntimeError("a fault of ours")])
async def test_a_shadow_that_fails_is_counted_and_the_next_is_asked(error: Exception) -> None:
    stage = Stage(answers=error)
    async with running(stage.shadow):
        stage.offer(SURE_CAT, SURE_CAT)
        await settle()
        stage.answers = (SURE_CAT,)
        stage.offer(SURE_CAT)

    assert (stage.dropped("failed"), stage.images("true")) == (2, 1)


async def test_a_version_that_is_gone_leaves_no_series() -> None:
    stage = Stage()
    async with running(stage.shadow):
        stage.offer(SURE_CAT)
    stage.metrics.forget("toy", "4")

    assert stage.images("true") == 0


async def test_a_shadow_that_answers_fewer_images_does_not_end_the_comparing() -> None:
    stage = Stage(answers=())
    async with running(stage.shadow):
        stage.offer(SURE_CAT)
        await settle()
        stage.answers = (SURE_CAT,)
        stage.offer(SURE_CAT)

    assert (stage.dropped("failed"), stage.images("true")) == (1, 1)
