"""A limit on request headers, which uvicorn's fast parser does not have."""

from __future__ import annotations

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

MAX_HEADER_BYTES = 64 * 1024
_ANSWER = b"HTTP/1.1 431 Request Header Fields Too Large\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"


class LimitedHttpProtocol(HttpToolsProtocol):
    """Ends a connection whose request line and headers outgrow the limit, before they are kept."""

    _header_bytes = 0
    _in_headers = True

    def data_received(self, data: bytes) -> None:
        """Count what arrives while headers do; a chunk may end them and go on with the body."""
        if self._in_headers:
            self._header_bytes += len(data)
        super().data_received(data)
        if self._in_headers and self._header_bytes > MAX_HEADER_BYTES and not self.transport.is_closing():
            self.transport.write(_ANSWER)
            self.transport.close()

    def on_headers_complete(self) -> None:
        """What follows is a body."""
        self._in_headers, self._header_bytes = False, 0
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        """What follows is another request."""
        super().on_message_complete()
        self._in_headers = True
