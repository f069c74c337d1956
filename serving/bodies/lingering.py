"""Answering before the body is read, so that the client still gets to see the answer.

Closing a socket with unread bytes makes the kernel send a reset, which may overtake the answer. So the
answer goes out whole, what still arrives is thrown away for a moment, and then the connection is closed.
"""

from __future__ import annotations

import asyncio
import contextlib

from fastapi.responses import JSONResponse
from starlette.types import Receive, Scope, Send

LINGER_SECONDS = 2.0


class LingeringResponse(JSONResponse):
    """A JSON answer to a request whose body is refused; ends the connection."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002
        """Send all of it, drain for at most LINGER_SECONDS, then close."""
        self.headers["Connection"] = "close"
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        await send({"type": "http.response.body", "body": bytes(self.body), "more_body": True})
        # A client that goes on sending has had its chance to read the answer.
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(LINGER_SECONDS):
                await _drain(receive)
        await send({"type": "http.response.body", "body": b"", "more_body": False})


async def _drain(receive: Receive) -> None:
    while True:
        message = await receive()
        if message["type"] != "http.request" or not message.get("more_body", False):
            return
