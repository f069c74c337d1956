"""The loads that are tried: each batch size of a model, with more calls at once while that gains anything."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass

from contract.batch_sizes import batch_sizes
from modelserver.errors import OverloadedError
from modelserver.predict import ModelVersion
from modelserver.protocol import ModelServer
from tuning.choice import expected_seconds
from tuning.measurement import Load, Measurement, measure

# Twice the calls at once for less than this is only a longer wait.
_WORTHWHILE = 1.05


@dataclass(frozen=True, kw_only=True)
class Limits:
    """How far a sweep goes.

    Attributes:
        latency_seconds: beyond it more calls at once are not tried.
        max_calls: the most at once.
        seconds: that each load is put on for.
    """

    latency_seconds: float
    max_calls: int
    seconds: float


async def sweep(
    model_server: ModelServer,
    target: ModelVersion,
    limits: Limits,
    *,
    on_measured: Callable[[Measurement], None] = lambda _: None,
) -> list[Measurement]:
    """Measure a model server.

    Args:
        model_server: that runs, and has nothing else to do.
        target: the version to measure.
        limits: of the loads that are tried.
        on_measured: told of each measurement.

    Returns:
        At least one for each batch size, the smallest first.

    Raises:
        ModelServerError: it cannot answer even one call at a time.
    """
    measured: list[Measurement] = []
    for batch_size in batch_sizes(target.facts.max_batch_size):
        async for one in _more_and_more(model_server, target, limits, batch_size=batch_size):
            measured.append(one)
            on_measured(one)
    return measured


async def _more_and_more(
    model_server: ModelServer, target: ModelVersion, limits: Limits, *, batch_size: int
) -> AsyncIterator[Measurement]:
    """One call at once, then two, four … while that gains, stays within the limits and is not refused."""
    before: Measurement | None = None
    calls = 1
    while calls <= limits.max_calls:
        load = Load(batch_size=batch_size, calls_in_flight=calls)
        try:
            now = await measure(model_server, target, load, seconds=limits.seconds)
        except OverloadedError:
            if before is None:
                raise
            return
        yield now
        if expected_seconds(now) > limits.latency_seconds or not _gained(before, now):
            return
        before, calls = now, calls * 2


def _gained(before: Measurement | None, now: Measurement) -> bool:
    return before is None or now.images_per_second >= _WORTHWHILE * before.images_per_second
