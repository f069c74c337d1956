"""Measuring a model server of known pace: one image after another, 2 ms each."""

from __future__ import annotations

import grpc
import pytest

from modelserver.errors import OverloadedError
from modelserver.grpc_adapter import GrpcModelServer
from modelserver.predict import ModelVersion
from tests.colour_server import ColourServer, colour_manifest
from tuning.measurement import Load, Measurement, measure, percentile
from tuning.sweep import Limits, sweep

pytestmark = pytest.mark.slow

SECONDS_PER_IMAGE = 0.002
TARGET = ModelVersion("toy", 1, colour_manifest())
LIMITS = Limits(latency_seconds=10.0, max_calls=16, seconds=0.15)


async def measured(load: Load) -> tuple[Measurement, ColourServer]:
    server = ColourServer(seconds_per_image=SECONDS_PER_IMAGE)
    async with server.running() as address:
        client = GrpcModelServer(address)
        found = await measure(client, TARGET, load, seconds=0.3)
        await client.close()
    return found, server


async def test_what_a_call_takes_and_how_many_images_come_back_is_measured() -> None:
    found, server = await measured(Load(batch_size=8, calls_in_flight=1))

    assert set(server.batch_sizes) == {8}
    # The machine may be slower than the model server, never quicker.
    assert found.p50_seconds >= 8 * SECONDS_PER_IMAGE
    assert 8 / 10 <= found.images_per_second <= 1 / SECONDS_PER_IMAGE


async def test_more_calls_at_once_wait_for_each_other() -> None:
    found, _ = await measured(Load(batch_size=8, calls_in_flight=4))

    assert found.p50_seconds >= 3 * 8 * SECONDS_PER_IMAGE
    assert found.images_per_second <= 1 / SECONDS_PER_IMAGE


@pytest.mark.parametrize(("share", "value"), [(0.5, 2), (0.75, 3), (0.99, 4), (1.0, 4)])
def test_a_percentile_is_one_of_the_values(share: float, value: float) -> None:
    assert percentile([4, 1, 3, 2], share) == value


async def swept(server: ColourServer, limits: Limits = LIMITS) -> list[Load]:
    async with server.running() as address:
        client = GrpcModelServer(address)
        try:
            return [each.load for each in await sweep(client, TARGET, limits)]
        finally:
            await client.close()


async def test_every_batch_size_is_tried_and_more_calls_while_they_gain() -> None:
    loads = await swept(ColourServer(seconds_per_image=SECONDS_PER_IMAGE))

    assert {load.batch_size for load in loads} == {1, 2, 4, 8}
    # One image after another: a second call gains the way there and back, a third nothing. A busy machine may
    # make it look otherwise once, hardly at each step up to sixteen.
    assert max(load.calls_in_flight for load in loads if load.batch_size == 8) <= 8


async def test_beyond_the_latency_no_more_calls_are_tried() -> None:
    strict = Limits(latency_seconds=0.001, max_calls=16, seconds=0.05)

    loads = await swept(ColourServer(seconds_per_image=SECONDS_PER_IMAGE), strict)

    assert {load.calls_in_flight for load in loads} == {1}


async def test_a_model_server_that_refuses_even_one_call_cannot_be_measured() -> None:
    server = ColourServer()
    server.refusal = (grpc.StatusCode.RESOURCE_EXHAUSTED, "Server Threadpool Exhausted")

    with pytest.raises(OverloadedError):
        await swept(server)
