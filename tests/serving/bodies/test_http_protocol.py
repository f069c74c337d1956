from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any

import pytest
import uvicorn

from serving.bodies.http_protocol import LimitedHttpProtocol

ASK = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"


class HastyProtocol(LimitedHttpProtocol):
    header_timeout_seconds = 0.3


async def app(scope: Any, receive: Any, send: Any) -> None:
    assert scope["type"] == "http"
    while (await receive()).get("more_body"):
        pass
    headers = [(b"content-length", b"2")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": b"ok"})


@contextlib.asynccontextmanager
async def connection() -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    config = uvicorn.Config(app, port=0, http=HastyProtocol, lifespan="off", log_config=None)
    server = uvicorn.Server(config)
    serving = asyncio.create_task(server.serve())
    while not server.started:
        await asyncio.sleep(0.01)
    port = server.servers[0].sockets[0].getsockname()[1]
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        yield reader, writer
    finally:
        writer.close()
        server.should_exit = True
        await serving


@pytest.mark.parametrize("sent", [b"", b"GET / HT", b"GET / HTTP/1.1\r\nHost: a\r\nX-Slow: "])
async def test_headers_that_do_not_come_end_the_connection(sent: bytes) -> None:
    async with connection() as (reader, writer), asyncio.timeout(10):
        writer.write(sent)

        assert (await reader.read()).startswith(b"HTTP/1.1 408 ")


async def test_headers_of_a_second_request_that_do_not_end_are_given_up_too() -> None:
    async with connection() as (reader, writer), asyncio.timeout(10):
        writer.write(ASK)
        first = await reader.readuntil(b"ok")
        writer.write(ASK[:-4])
        rest = await reader.read()

    assert first.startswith(b"HTTP/1.1 200 ")
    assert rest.startswith(b"HTTP/1.1 408 ")


async def test_a_body_may_take_longer_than_headers_and_a_connection_may_rest_between_requests() -> None:
    async with connection() as (reader, writer), asyncio.timeout(10):
        writer.write(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nx")
        await asyncio.sleep(0.5)
        writer.write(b"x")
        first = await reader.readuntil(b"ok")
        await asyncio.sleep(0.5)
        writer.write(ASK)
        second = await reader.readuntil(b"ok")

    assert (first[9:12], second[9:12]) == (b"200", b"200")
