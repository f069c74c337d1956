"""Limits on request headers, their bytes and their time, which uvicorn's fast parser does not have."""

from __future__ import annotations

import asyncio

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

MAX_HEADER_BYTES = 64 * 1024
HEADER_TIMEOUT_SECONDS = 60.0
_NOTHING_MORE = b"content-length: 0\r\nconnection: close\r\n\r\n"
_TOO_LARGE = b"HTTP/1.1 431 Request Header Fields Too Large\r\n" + _NOTHING_MORE
_TOO_SLOW = b"HTTP/1.1 408 Request Timeout\r\n" + _NOTHING_MORE


class LimitedHttpProtocol(HttpToolsProtocol):
    """Ends a connection whose request line and headers outgrow the limit, before they are kept, or never end.

    Attributes:
        header_timeout_seconds: from the connection, or from the first byte of a further request.
    """

    header_timeout_seconds = HEADER_TIMEOUT_SECONDS
    _header_bytes = 0
    _in_headers = True
    _too_slow: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """A request is expected."""
        super().connection_made(transport)
        self._expect_headers()

    def connection_lost(self, exc: Exception | None) -> None:
        """Nothing is expected any more."""
        self._headers_are_here()
        super().connection_lost(exc)

    def on_message_begin(self) -> None:
        """Headers have begun."""
        super().on_message_begin()
        self._expect_headers()

    def data_received(self, data: bytes) -> None:
        """Count what arrives while headers do; a chunk may end them and go on with the body."""
        if self._in_headers:
            self._header_bytes += len(data)
        super().data_received(data)
        if self._in_headers and self._header_bytes > MAX_HEADER_BYTES and not self.transport.is_closing():
            self.transport.write(_TOO_LARGE)
            self.transport.close()

    def on_headers_complete(self) -> None:
        """What follows is a body."""
        self._in_headers, self._header_bytes = False, 0
        self._headers_are_here()
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        """What follows is another request."""
        super().on_message_complete()
        self._in_headers = True

    def _expect_headers(self) -> None:
        if self._too_slow is None:
            self._too_slow = self.loop.call_later(self.header_timeout_seconds, self._give_up)

    def _headers_are_here(self) -> None:
        if self._too_slow is not None:
            self._too_slow.cancel()
            self._too_slow = None

    def _give_up(self) -> None:
        if not self.transport.is_closing():
            self.transport.write(_TOO_SLOW)
            self.transport.close()
