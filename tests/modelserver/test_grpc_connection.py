"""The adapter's connection to a real server that restarts, and answers that are of another version."""

from __future__ import annotations

import asyncio

import pytest

from modelserver.errors import UnexpectedAnswerError
from modelserver.grpc_adapter import GrpcModelServer
from modelserver.messages import prediction_pb2 as pb
from modelserver.self_test import self_test
from tests.colour_server import ColourServer

TIMEOUT_SECONDS = 10.0


async def test_a_connection_is_lost_when_the_server_goes_even_if_another_comes() -> None:
    async with ColourServer().running() as address:
        client = GrpcModelServer(address)
        lost = asyncio.create_task(client.lost())
        await client.versions("toy", timeout_seconds=TIMEOUT_SECONDS)
        await asyncio.sleep(0.1)
        assert not lost.done()
    async with ColourServer().running(address), asyncio.timeout(TIMEOUT_SECONDS):
        await lost
        lost = asyncio.create_task(client.lost())
        await client.versions("toy", timeout_seconds=TIMEOUT_SECONDS)
        await asyncio.sleep(0.1)
        assert not lost.done()
        lost.cancel()
        await asyncio.wait([lost])
        await client.close()


async def test_who_waits_for_the_loss_of_what_was_never_there_may_stop() -> None:
    client = GrpcModelServer("127.0.0.1:1")
    lost = asyncio.create_task(client.lost())
    await asyncio.sleep(0.05)
    lost.cancel()
    await asyncio.wait([lost])
    await client.close()

    assert lost.cancelled()


async def test_an_answer_of_another_version_is_refused() -> None:
    server = ColourServer()

    def answer_by_another(response: pb.PredictResponse) -> None:
        response.model_spec.version.value = 2

    server.spoil = answer_by_another
    async with server.running() as address:
        client = GrpcModelServer(address)
        with pytest.raises(UnexpectedAnswerError, match="another version"):
            await self_test(client, "toy", 1, timeout_seconds=TIMEOUT_SECONDS)
        await client.close()
