"""GET an image: within its time, within its bytes, from where the policy allows and nowhere else."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator, Callable
from importlib.metadata import version

import httpcore
import httpx

from serving.fetch.addresses import IPAddress, is_public
from serving.fetch.byte_budget import ByteBudget, OneImage
from serving.fetch.connecting import CheckedBackend
from serving.fetch.errors import UrlRefusedError, UrlUnreachableError
from serving.fetch.policy import UrlPolicy
from serving.fetch.resolver import Resolve, SystemResolver

_OK = 200
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_IDLE_SECONDS = 5.0
_BROKEN = (
    httpcore.NetworkError,
    httpcore.ProtocolError,
    httpcore.TimeoutException,
    httpcore.UnsupportedProtocol,
    httpcore.ConnectionNotAvailable,
)


class Fetcher:
    """Downloads for all requests of one gateway.

    Speaks HTTP/1.1 by httpcore, which knows no proxies of the environment, follows no redirects and decodes
    no content: each of these is done here, checked, or not at all.
    """

    def __init__(
        self,
        policy: UrlPolicy,
        *,
        max_connections: int = 16,
        resolve: Resolve | None = None,
        may_connect: Callable[[IPAddress], bool] = is_public,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        """Wire it up; nothing is connected.

        Args:
            policy: which URLs.
            max_connections: open at once, for all requests; others wait, within their time.
            resolve: names to addresses; the system's by default.
            may_connect: which addresses. Not a setting: nobody who deploys should be able to open this door.
            tls: whom to trust; certifi's authorities by default, read where any URL is allowed.
        """
        self._policy = policy
        self._own_resolver = SystemResolver()
        self._pool = httpcore.AsyncConnectionPool(
            ssl_context=tls or (httpx.create_ssl_context(trust_env=False) if policy.hosts else None),
            max_connections=max_connections,
            keepalive_expiry=_IDLE_SECONDS,
            network_backend=CheckedBackend(resolve=resolve or self._own_resolver, may_connect=may_connect),
        )

    async def fetch(self, text: str, *, budget: ByteBudget, timeout_seconds: float) -> bytes:
        """The bytes behind a URL, whatever they are.

        Raises:
            UrlRefusedError: the policy does not allow it, or where it leads.
            UrlUnreachableError: no such thing, or not in time.
            UrlTooLargeError: more than the budget has left.
        """
        try:
            async with asyncio.timeout(timeout_seconds):
                with budget.for_one_image() as room:
                    return await self._follow(self._policy.parse(text), room)
        except TimeoutError as exc:
            raise UrlUnreachableError("the URL's host did not send it all in time") from exc
        except _BROKEN as exc:
            raise UrlUnreachableError("the connection to the URL's host failed") from exc

    async def close(self) -> None:
        """End all connections."""
        self._own_resolver.close()
        await self._pool.aclose()

    async def _follow(self, url: httpx.URL, room: OneImage) -> bytes:
        for _ in range(1 + self._policy.max_redirects):
            async with self._get(url) as response:
                if response.status not in _REDIRECTS:
                    return await _read(response, room)
                url = self._redirected(url, response)
        raise UrlRefusedError(f"the URL redirects more than {self._policy.max_redirects} times")

    @contextlib.asynccontextmanager
    async def _get(self, url: httpx.URL) -> AsyncIterator[httpcore.Response]:
        target = httpcore.URL(scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path)
        async with self._pool.stream("GET", target, headers=_headers()) as response:
            yield response

    def _redirected(self, url: httpx.URL, response: httpcore.Response) -> httpx.URL:
        location = _header(response, b"location")
        if location is None:
            raise UrlUnreachableError("the URL's host redirects to nowhere")
        try:
            target = url.join(location)
        except httpx.InvalidURL as exc:
            raise UrlRefusedError("the URL redirects to what is no URL") from exc
        self._policy.check(target)
        return target


async def _read(response: httpcore.Response, room: OneImage) -> bytes:
    if response.status != _OK:
        raise UrlUnreachableError(f"the URL's host answers with status {response.status}")
    if (_header(response, b"content-encoding") or "identity").lower() != "identity":
        raise UrlUnreachableError("the URL's host sends a compressed answer, which was not asked for")
    announced = _header(response, b"content-length") or ""
    room.expect(int(announced) if announced.isdecimal() else 0)
    chunks = []
    async for chunk in response.aiter_stream():
        room.take(len(chunk))
        chunks.append(chunk)
    if not chunks:
        raise UrlUnreachableError("the URL's host sends nothing")
    return b"".join(chunks)


def _headers() -> list[tuple[bytes, bytes]]:
    return [
        (b"Accept", b"image/*"),
        (b"Accept-Encoding", b"identity"),
        (b"User-Agent", f"miwake/{version('miwake')}".encode()),
    ]


def _header(response: httpcore.Response, name: bytes) -> str | None:
    values = [value for key, value in response.headers if key.lower() == name]
    return values[0].decode("latin-1") if values else None
