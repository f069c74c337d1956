"""Connections to checked addresses alone."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import httpcore

from serving.fetch.addresses import IPAddress
from serving.fetch.errors import UrlRefusedError, UrlUnreachableError
from serving.fetch.resolver import Resolve


class CheckedBackend(httpcore.AsyncNetworkBackend):
    """Resolves a name once, checks what it gets, and connects to that very address.

    Nothing resolves the name a second time, so a name server that changes its mind gains nothing. TLS still
    checks the certificate against the name.
    """

    def __init__(self, *, resolve: Resolve, may_connect: Callable[[IPAddress], bool]) -> None:
        self._resolve = resolve
        self._may_connect = may_connect
        self._backend = httpcore.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109 - httpcore's interface
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        """Connect to the first address that answers.

        Raises:
            UrlRefusedError: one of the addresses is not allowed, even if others are.
            UrlUnreachableError: there is none, or none answers.
        """
        for address in await self._addresses(host):
            try:
                return await self._backend.connect_tcp(
                    str(address), port, timeout, local_address, socket_options
                )
            except (httpcore.ConnectError, httpcore.ConnectTimeout):
                continue
        raise UrlUnreachableError("the URL's host does not answer")

    async def _addresses(self, host: str) -> list[IPAddress]:
        try:
            addresses = await self._resolve(host)
        except (OSError, UnicodeError) as exc:
            raise UrlUnreachableError("the URL's host is not known") from exc
        if not all(map(self._may_connect, addresses)):
            raise UrlRefusedError("the URL's host is not on the public internet")
        return addresses
