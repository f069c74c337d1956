"""One load on a model server, and what came of it."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from contract.image import Pixels
from modelserver.predict import ModelVersion, predict_batch
from modelserver.protocol import ModelServer

CALL_TIMEOUT_SECONDS = 60.0


@dataclass(frozen=True, kw_only=True)
class Load:
    """Calls of `batch_size` images each, `calls_in_flight` of them under way at any moment."""

    batch_size: int
    calls_in_flight: int


@dataclass(frozen=True, kw_only=True)
class Measurement:
    """What a load gave.

    Attributes:
        load: that was put on the model server.
        images_per_second: answered, all calls together.
        p50_seconds: of one call.
        p99_seconds: of one call; with fewer than 100 calls the longest.
    """

    load: Load
    images_per_second: float
    p50_seconds: float
    p99_seconds: float


async def measure(
    model_server: ModelServer, target: ModelVersion, load: Load, *, seconds: float
) -> Measurement:
    """Put a load on a model server for so long; a call of its own goes before, for what is done only once.

    Raises:
        OverloadedError: it refuses so many calls.
        ModelServerError: any other.
    """
    spec = target.facts.image
    shape = (load.batch_size, spec.height, spec.width, 3)
    images = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)
    await predict_batch(model_server, target, images, timeout_seconds=CALL_TIMEOUT_SECONDS)
    loop = asyncio.get_running_loop()
    began = loop.time()
    calls = [_calls(model_server, target, images, until=began + seconds) for _ in range(load.calls_in_flight)]
    durations = [duration for one in await asyncio.gather(*calls) for duration in one]
    elapsed = loop.time() - began
    return Measurement(
        load=load,
        images_per_second=len(durations) * load.batch_size / elapsed,
        p50_seconds=percentile(durations, 0.50),
        p99_seconds=percentile(durations, 0.99),
    )


async def _calls(
    model_server: ModelServer, target: ModelVersion, images: Pixels, *, until: float
) -> list[float]:
    """One call after the other, at least one; gives their durations in seconds."""
    loop = asyncio.get_running_loop()
    durations: list[float] = []
    while not durations or loop.time() < until:
        began = loop.time()
        await predict_batch(model_server, target, images, timeout_seconds=CALL_TIMEOUT_SECONDS)
        durations.append(loop.time() - began)
    return durations


def percentile(values: Sequence[float], share: float) -> float:
    """The smallest of the values that so large a share of them does not exceed (nearest rank)."""
    return sorted(values)[max(0, math.ceil(share * len(values)) - 1)]
