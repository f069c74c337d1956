"""Ending without losing a request: first not ready, for a while, then no more connections, then the end.

A proxy or a Kubernetes Service goes on sending for some seconds after SIGTERM, until it has seen that the
gateway is not ready. In those seconds everything is still answered, and every answer closes its connection,
so that few are left when the listening socket goes.
"""

from __future__ import annotations

import asyncio
import logging
import signal
from types import FrameType

import uvicorn
from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from serving.gateway import Gateway

_log = logging.getLogger(__name__)


class DrainingServer(uvicorn.Server):
    """Drains at SIGTERM; a second signal, or SIGINT, ends the draining early."""

    def __init__(self, config: uvicorn.Config, *, gateway: Gateway) -> None:
        super().__init__(config)
        self._gateway = gateway
        self._loop = asyncio.get_running_loop()

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Called by uvicorn's signal handler, in the main thread, amid whatever it was doing.

        That may be holding a lock that a log line needs: all else is left to the event loop.
        """
        self._loop.call_soon_threadsafe(self._end, sig, frame)

    def _end(self, sig: int, frame: FrameType | None) -> None:
        seconds = self._gateway.settings.drain_seconds
        if sig == signal.SIGTERM and seconds and not self._gateway.draining:
            _log.info("SIGTERM: not ready from now on, to end in %g s", seconds)
            self._gateway.draining = True
            self._loop.call_later(seconds, super().handle_exit, sig, frame)
            return
        self._gateway.draining = True
        super().handle_exit(sig, frame)


class DrainingMiddleware:
    """Has every answer close its connection once the gateway drains."""

    def __init__(self, app: ASGIApp, *, gateway: Gateway) -> None:
        self._app = app
        self._gateway = gateway

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on."""

        async def closing(message: Message) -> None:
            if message["type"] == "http.response.start" and self._gateway.draining:
                MutableHeaders(scope=message)["Connection"] = "close"
            await send(message)

        await self._app(scope, receive, closing)
