"""Calls that hold on to what they were given."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any

import grpc
import grpc.aio
import pytest
from grpc_health.v1 import health_pb2

from serving.grpc.messages import inference_pb2 as pb
from serving.grpc.places import HEALTH_CALLS
from serving.grpc.service import SERVICE
from serving.settings import MIB
from tests.fake_model_server import FakeModelServer
from tests.serving.grpc.caller import PNG, Caller, caller, encoded_request, until_in_flight

CHECK = "/grpc.health.v1.Health/Check"
INFER = f"/{SERVICE}/ModelInfer"


@contextlib.asynccontextmanager
async def silent(calls: Caller, path: str, count: int) -> AsyncIterator[list[Any]]:
    """Calls under way that send no message."""

    async def nothing() -> AsyncIterator[bytes]:
        await asyncio.Event().wait()
        yield b""

    opened = [calls.channel.stream_unary(path)(nothing()) for _ in range(count)]
    try:
        await until_in_flight(calls, count)
        yield opened
    finally:
        for call in opened:
            call.cancel()


async def admitted_bytes(calls: Caller) -> float:
    lines = (await calls.http.get("/metrics")).text.splitlines()
    return next(float(line.split()[1]) for line in lines if line.startswith("miwake_admitted_bytes "))


async def test_probes_that_send_nothing_take_no_place_of_other_calls_and_soon_none_at_all() -> None:
    async with (
        caller(FakeModelServer(), grpc_max_calls=2) as calls,
        silent(calls, CHECK, HEALTH_CALLS),
        asyncio.timeout(20),
    ):
        live = await calls.call("ServerLive", pb.ServerLiveRequest())
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await calls.health()
        await until_in_flight(calls, 0)
        health = await calls.health()

    assert live.live
    assert refused.value.code() is grpc.StatusCode.UNAVAILABLE
    assert health.status == health_pb2.HealthCheckResponse.SERVING


async def test_a_message_counts_as_the_largest_until_it_is_here_and_leaves_half_of_the_room() -> None:
    limits = {"max_body_bytes": MIB, "max_bytes_in_flight": 4 * MIB}
    async with (
        caller(FakeModelServer(), **limits) as calls,
        silent(calls, INFER, 10),
    ):
        held = await admitted_bytes(calls)
        over_http = await calls.http.post("/predict", content=PNG)

    assert (held, over_http.status_code) == (2 * MIB, 200)


async def test_a_message_that_is_here_counts_as_what_it_is_until_it_is_answered() -> None:
    server = FakeModelServer()
    request = encoded_request(PNG)
    async with caller(server) as calls:
        server.predict_gate = asyncio.Event()
        answer = asyncio.ensure_future(_answer(calls.infer(request)))
        await until_in_flight(calls, 1)
        async with asyncio.timeout(5):
            while await admitted_bytes(calls) != request.ByteSize():
                await asyncio.sleep(0.01)
        server.predict_gate.set()
        await answer

        assert await admitted_bytes(calls) == 0


async def test_messages_that_find_no_room_are_refused_before_they_are_read() -> None:
    server = FakeModelServer()
    limits = {"max_body_bytes": 2 * MIB, "max_bytes_in_flight": 3 * MIB}
    large = encoded_request(PNG + bytes(3 * MIB // 2))
    async with caller(server, **limits) as calls:
        server.predict_gate = asyncio.Event()
        first = asyncio.ensure_future(_answer(calls.infer(large)))
        async with asyncio.timeout(5):
            while await admitted_bytes(calls) != large.ByteSize():
                await asyncio.sleep(0.01)
        with pytest.raises(grpc.aio.AioRpcError) as second:
            await calls.infer(encoded_request(PNG))
        server.predict_gate.set()

        assert (await first).model_name == "toy"

    assert second.value.code() is grpc.StatusCode.UNAVAILABLE


async def _answer(call: Any) -> Any:
    return await call
