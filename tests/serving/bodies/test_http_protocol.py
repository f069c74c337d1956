from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator
from typing import Any

import pytest
import uvicorn

from serving.bodies.http_protocol import LimitedHttpProtocol

pytestmark = pytest.mark.slow

ASK = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"
CHUNKED = b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
LONG = 20_000_000


class HastyProtocol(LimitedHttpProtocol):
    header_timeout_seconds = 0.2


class HastyAfterwardsProtocol(LimitedHttpProtocol):
    leftover_timeout_seconds = 0.3
    read_timeout_seconds = 0.5


async def app(scope: Any, receive: Any, send: Any) -> None:
    assert scope["type"] == "http"
    while (await receive()).get("more_body"):
        pass
    headers = [(b"content-length", b"2")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": b"ok"})


async def hasty_app(_scope: Any, _receive: Any, send: Any) -> None:
    """Reads nothing."""
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})
    await send({"type": "http.response.body", "body": b"ok"})


async def wordy_app(_scope: Any, _receive: Any, send: Any) -> None:
    headers = [(b"content-length", b"%d" % LONG)]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": bytes(LONG)})


@contextlib.asynccontextmanager
async def running(app: Any, http: type[LimitedHttpProtocol]) -> AsyncIterator[uvicorn.Server]:
    server = uvicorn.Server(uvicorn.Config(app, port=0, http=http, lifespan="off", log_config=None))
    serving = asyncio.create_task(server.serve())
    while not server.started:
        await asyncio.sleep(0.01)
    try:
        yield server
    finally:
        server.should_exit = True
        await serving


def port_of(server: uvicorn.Server) -> int:
    return int(server.servers[0].sockets[0].getsockname()[1])


@contextlib.asynccontextmanager
async def connection(
    app: Any = app, http: type[LimitedHttpProtocol] = HastyProtocol
) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    async with running(app, http) as server:
        reader, writer = await asyncio.open_connection("127.0.0.1", port_of(server))
        try:
            yield reader, writer
        finally:
            writer.close()


async def until_closed(server: uvicorn.Server) -> None:
    while server.server_state.connections:
        await asyncio.sleep(0.01)


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
        await asyncio.sleep(0.3)
        writer.write(b"x")
        first = await reader.readuntil(b"ok")
        await asyncio.sleep(0.3)
        writer.write(ASK)
        second = await reader.readuntil(b"ok")

    assert (first[9:12], second[9:12]) == (b"200", b"200")


@pytest.mark.parametrize("trailers", [b"a:b\r\n" * 2000, b"a" * 10_000], ids=["many", "one"])
async def test_trailers_without_end_end_the_connection(trailers: bytes) -> None:
    async with connection(http=LimitedHttpProtocol) as (reader, writer), asyncio.timeout(10):
        writer.write(CHUNKED + b"0\r\n")
        with contextlib.suppress(ConnectionError):
            while not reader.at_eof():
                writer.write(trailers)
                await writer.drain()
                await asyncio.sleep(0.001)

        assert reader.at_eof() or reader.exception()


async def test_trailers_are_passed_over_and_the_connection_goes_on() -> None:
    async with connection() as (reader, writer), asyncio.timeout(10):
        writer.write(CHUNKED + b"2\r\nxx\r\n0\r\nChecksum: 1\r\n\r\n" + ASK)
        first = await reader.readuntil(b"ok")
        second = await reader.readuntil(b"ok")

    assert (first[9:12], second[9:12]) == (b"200", b"200")


async def test_trailers_are_not_among_the_headers() -> None:
    seen: list[Any] = []

    async def curious(scope: Any, receive: Any, send: Any) -> None:
        await app(scope, receive, send)
        seen.extend(name for name, _ in scope["headers"])

    async with connection(curious) as (reader, writer), asyncio.timeout(10):
        writer.write(CHUNKED + b"0\r\nChecksum: 1\r\n\r\n")
        await reader.readuntil(b"ok")

    assert seen == [b"host", b"transfer-encoding"]


async def test_chunks_that_are_small_and_many_are_a_body_like_any_other() -> None:
    async with connection() as (reader, writer), asyncio.timeout(10):
        writer.write(CHUNKED + b"1\r\nx\r\n" * 100_000 + b"0\r\n\r\n")

        assert (await reader.readuntil(b"ok"))[9:12] == b"200"


async def test_a_request_that_has_its_answer_must_end_soon() -> None:
    async with connection(hasty_app, HastyAfterwardsProtocol) as (reader, writer), asyncio.timeout(10):
        writer.write(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\n")
        await reader.readuntil(b"ok")
        while not (reader.at_eof() or reader.exception()):
            writer.write(b"x")
            await asyncio.sleep(0.01)


@pytest.mark.parametrize("ask", [ASK, ASK[:-2] + b"Connection: close\r\n\r\n"], ids=["kept", "closed"])
async def test_an_answer_that_is_not_read_is_given_up(ask: bytes) -> None:
    async with running(wordy_app, HastyAfterwardsProtocol) as server, asyncio.timeout(10):
        with socket.create_connection(("127.0.0.1", port_of(server))) as deaf:
            deaf.sendall(ask)
            while not server.server_state.connections:
                await asyncio.sleep(0.01)

            await until_closed(server)


async def test_an_answer_that_is_read_slowly_comes_whole() -> None:
    async with connection(wordy_app, HastyAfterwardsProtocol) as (reader, writer), asyncio.timeout(20):
        writer.write(ASK)
        await reader.readuntil(b"\r\n\r\n")
        received = 0
        while received < LONG:
            received += len(await reader.read(1_000_000))
            slowly = received < LONG / 3  # which takes longer than either timeout
            await asyncio.sleep(0.02 if slowly else 0)

    assert received == LONG
