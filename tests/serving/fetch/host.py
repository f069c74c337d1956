"""Hosts of images that say and do what a test scripts, over real sockets."""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

from serving.fetch.addresses import IPAddress
from serving.fetch.byte_budget import ByteBudget
from serving.fetch.fetcher import Fetcher
from serving.fetch.policy import UrlPolicy

Say = Callable[[bytes, asyncio.StreamWriter], Awaitable[None]]
LOOPBACK = ipaddress.ip_address("127.0.0.1")


def answer(body: bytes, *headers: str, status: str = "200 OK") -> bytes:
    """A whole HTTP/1.1 answer."""
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *headers, "", ""]
    return "\r\n".join(lines).encode() + body


def says(whole: bytes) -> Say:
    async def say(request: bytes, writer: asyncio.StreamWriter) -> None:
        del request
        writer.write(whole)

    return say


class Host:
    """A listener; `requests` holds the head of each request it was sent, `over` is set when it ends."""

    def __init__(self, say: Say) -> None:
        self.say = say
        self.requests: list[bytes] = []
        self.port = 0
        self.over = asyncio.Event()
        self.handlers: set[asyncio.Task[None] | None] = set()

    async def handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.handlers.add(asyncio.current_task())
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            request = await reader.readuntil(b"\r\n\r\n")
            self.requests.append(request)
            await self.say(request, writer)
            await writer.drain()
        with contextlib.suppress(ConnectionError, ssl.SSLError):
            writer.close()
            await writer.wait_closed()


@contextlib.asynccontextmanager
async def host(say: Say, *, tls: ssl.SSLContext | None = None) -> AsyncIterator[Host]:
    it = Host(say)
    server = await asyncio.start_server(it.handle, "127.0.0.1", 0, ssl=tls)
    it.port = server.sockets[0].getsockname()[1]
    try:
        yield it
    finally:
        server.close()
        it.over.set()
        if it.handlers:
            await asyncio.wait(filter(None, it.handlers), timeout=5)


def names(**addresses: str) -> Callable[[str], Awaitable[list[IPAddress]]]:
    """A resolver that knows these hosts (with `_` for dots) and counts nothing else as known."""

    async def resolve(name: str) -> list[IPAddress]:
        try:
            return [ipaddress.ip_address(text) for text in addresses[name.replace(".", "_")].split()]
        except KeyError as exc:
            raise OSError(name) from exc

    return resolve


@contextlib.asynccontextmanager
async def fetcher(port: int, *, loopback: bool = True, **changes: Any) -> AsyncIterator[Fetcher]:
    """One that may ask `img.test` on that port by plain HTTP, and by default connects to loopback alone."""
    policy = {"hosts": ("img.test",), "ports": (port,), "http": True} | changes.pop("policy", {})
    wiring: dict[str, Any] = {"resolve": names(img_test="127.0.0.1")}
    if loopback:
        wiring["may_connect"] = LOOPBACK.__eq__
    it = Fetcher(UrlPolicy(**policy), **(wiring | changes))
    try:
        yield it
    finally:
        await it.close()


async def fetch(it: Fetcher, url: str, *, max_bytes: int = 1_000_000, timeout_seconds: float = 5) -> bytes:
    budget = ByteBudget(max_bytes, hold=lambda _: None, release=lambda _: None)
    return await it.fetch(url, budget=budget, timeout_seconds=timeout_seconds)
