"""Limits that uvicorn's fast parser does not have: on headers, trailers, and clients that do not go on."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

MAX_HEADER_BYTES = 64 * 1024
HEADER_TIMEOUT_SECONDS = 60.0
# As uvicorn's own between two requests.
LEFTOVER_TIMEOUT_SECONDS = 5.0
READ_TIMEOUT_SECONDS = 30.0
_NOTHING_MORE = b"content-length: 0\r\nconnection: close\r\n\r\n"
_TOO_LARGE = b"HTTP/1.1 431 Request Header Fields Too Large\r\n" + _NOTHING_MORE
_TOO_SLOW = b"HTTP/1.1 408 Request Timeout\r\n" + _NOTHING_MORE


class LimitedHttpProtocol(HttpToolsProtocol):
    """Ends a connection that only takes: bytes that become no body, a request without end, unread answers.

    Attributes:
        header_timeout_seconds: from the connection, or from the first byte of a further request.
        leftover_timeout_seconds: for the rest of a request that has its answer.
        read_timeout_seconds: in which a client takes at least some of an answer.
    """

    header_timeout_seconds = HEADER_TIMEOUT_SECONDS
    leftover_timeout_seconds = LEFTOVER_TIMEOUT_SECONDS
    read_timeout_seconds = READ_TIMEOUT_SECONDS
    _overhead_bytes = 0
    _in_headers = True

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """A request is expected."""
        super().connection_made(transport)
        self._headers, self._leftover, self._reading = _Timer(), _Timer(), _Timer()
        self._expect_headers()

    def connection_lost(self, exc: Exception | None) -> None:
        """Nothing is expected any more."""
        for timer in (self._headers, self._leftover, self._reading):
            timer.stop()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Count what arrives until headers end or there is some body: the parser keeps it."""
        self._overhead_bytes += len(data)
        super().data_received(data)
        if self._overhead_bytes > MAX_HEADER_BYTES and not self.transport.is_closing():
            if self._in_headers:
                self.transport.write(_TOO_LARGE)
            self._close()

    def on_message_begin(self) -> None:
        """Headers have begun."""
        super().on_message_begin()
        self._expect_headers()

    def on_header(self, name: bytes, value: bytes) -> None:
        """Trailers, which nobody reads, are not kept."""
        if self._in_headers:
            super().on_header(name, value)

    def on_headers_complete(self) -> None:
        """What follows is a body."""
        self._in_headers, self._overhead_bytes = False, 0
        self._headers.stop()
        super().on_headers_complete()

    def on_chunk_header(self) -> None:
        """A chunk has begun, or trailers."""
        self._overhead_bytes = 0

    def on_body(self, body: bytes) -> None:
        """Some of a body."""
        self._overhead_bytes = 0
        super().on_body(body)

    def on_message_complete(self) -> None:
        """What follows is another request."""
        super().on_message_complete()
        self._in_headers, self._overhead_bytes = True, 0
        self._leftover.stop()

    def on_response_complete(self) -> None:
        """The request may not be here yet, the answer not be read."""
        super().on_response_complete()
        if self.cycle.response_complete and not self._in_headers:
            self._leftover.start(self.leftover_timeout_seconds, self._close)
        self._see_it_read_if_closing()

    def timeout_keep_alive_handler(self) -> None:
        """No further request has come."""
        super().timeout_keep_alive_handler()
        self._see_it_read_if_closing()

    def pause_writing(self) -> None:
        """The client reads slower than it is written to."""
        super().pause_writing()
        self._see_it_read()

    def resume_writing(self) -> None:
        """It has read most of it."""
        super().resume_writing()
        self._reading.stop()
        self._see_it_read_if_closing()

    def _expect_headers(self) -> None:
        self._headers.start(self.header_timeout_seconds, self._give_up)

    def _give_up(self) -> None:
        if not self.transport.is_closing():
            self.transport.write(_TOO_SLOW)
            self._close()

    def _close(self) -> None:
        self.transport.close()
        self._see_it_read_if_closing()

    def _see_it_read_if_closing(self) -> None:
        """What is closed waits until all is read: without end, if nobody looks."""
        if self.transport.is_closing():
            self._see_it_read()

    def _see_it_read(self) -> None:
        if unread := self.transport.get_write_buffer_size():
            self._reading.start(self.read_timeout_seconds, self._abort_if_still, unread)

    def _abort_if_still(self, unread: int) -> None:
        self._reading.stop()
        if self.transport.get_write_buffer_size() >= unread:
            self.transport.abort()
        else:
            self._see_it_read()


class _Timer:
    """Runs once at a time."""

    def __init__(self) -> None:
        self._handle: asyncio.TimerHandle | None = None

    def start(self, seconds: float, callback: Callable[..., None], *args: object) -> None:
        """Unless it runs already."""
        if self._handle is None:
            self._handle = asyncio.get_running_loop().call_later(seconds, callback, *args)

    def stop(self) -> None:
        """It may start again."""
        if self._handle is not None:
            self._handle.cancel()
            self._handle = None
