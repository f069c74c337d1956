"""What counts of bodies: what is here, and what it becomes."""

from __future__ import annotations

import asyncio
import contextlib
import gzip
from collections.abc import AsyncIterator, Iterator

import httpx

from serving.settings import MIB
from tests.fake_model_server import FakeModelServer
from tests.pictures import encoded
from tests.serving.gateway_client import gateway
from tests.serving.oip.asking import INFER, binary, elements, listed

PNG = encoded()
LARGE = {"content-type": "image/png", "content-length": str(32 * MIB)}


async def admitted_bytes(client: httpx.AsyncClient) -> float:
    lines = (await client.get("/metrics")).text.splitlines()
    return next(float(line.split()[1]) for line in lines if line.startswith("miwake_admitted_bytes "))


async def until_admitted(client: httpx.AsyncClient, count: float) -> None:
    async with asyncio.timeout(5):
        while await admitted_bytes(client) != count:
            await asyncio.sleep(0.01)


@contextlib.contextmanager
def waiting(*requests: asyncio.Task[httpx.Response]) -> Iterator[None]:
    try:
        yield
    finally:
        for request in requests:
            request.cancel()


async def test_bodies_that_are_announced_and_do_not_come_keep_nobody_out() -> None:
    async def nothing() -> AsyncIterator[bytes]:
        await asyncio.Event().wait()
        yield b""

    async with gateway(FakeModelServer(), max_bytes_in_flight=33 * MIB) as client:
        posts = [client.post("/predict", content=nothing(), headers=LARGE) for _ in range(4)]
        with waiting(*map(asyncio.create_task, posts)):
            async with asyncio.timeout(5):
                while "miwake_admitted_requests 4.0" not in (await client.get("/metrics")).text:
                    await asyncio.sleep(0.01)
            counted = await admitted_bytes(client)
            response = await client.post("/predict", content=PNG)

    assert (counted, response.status_code) == (0, 200)


async def test_bodies_count_as_they_come_and_what_comes_without_room_is_refused() -> None:
    more = asyncio.Event()

    async def in_two_parts() -> AsyncIterator[bytes]:
        yield PNG + bytes(MIB - len(PNG))
        await more.wait()
        yield bytes(MIB)

    server = FakeModelServer()
    async with gateway(server, max_bytes_in_flight=3 * MIB) as client:
        server.predict_gate = asyncio.Event()
        headers = {"content-type": "image/png", "content-length": str(2 * MIB)}
        posts = [
            asyncio.create_task(client.post("/predict", content=in_two_parts(), headers=headers))
            for _ in range(2)
        ]
        with waiting(*posts):
            await until_admitted(client, 2 * MIB)
            more.set()
            done, _ = await asyncio.wait(posts, return_when=asyncio.FIRST_COMPLETED)
            refused = [post.result().status_code for post in done]
            server.predict_gate.set()
            statuses = sorted([(await post).status_code for post in posts])
        metrics = (await client.get("/metrics")).text
        left = await admitted_bytes(client)

    assert (refused, statuses, left) == ([503], [200, 503], 0)
    assert 'miwake_refused_total{model="toy",reason="bytes",version="1"} 1.0' in metrics


async def test_a_compressed_body_counts_as_what_it_becomes() -> None:
    server = FakeModelServer()
    padded = PNG + bytes(3 * MIB)
    request = binary(listed(padded), elements(padded))
    compressed = {
        "content": gzip.compress(request["content"]),
        "headers": request["headers"] | {"Content-Encoding": "gzip"},
    }
    async with gateway(server, max_bytes_in_flight=5 * MIB, max_body_bytes=10 * MIB) as client:
        server.predict_gate = asyncio.Event()
        first = asyncio.create_task(client.post(INFER, **compressed))
        await until_admitted(client, len(request["content"]))
        second = await client.post(INFER, **compressed)
        server.predict_gate.set()

        assert (await first).status_code == 200
        assert await admitted_bytes(client) == 0

    assert second.status_code == 503
