"""HTTP's doorkeeper: decides by the headers alone, before a byte of the body is asked for."""

from __future__ import annotations

from fastapi import Request
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from contract.errors import MiwakeError
from serving.callers.callers import Callers
from serving.http.problems import error_response
from serving.request_state import request_state

# Those of the Open Inference Protocol too: KServe asks them.
PROBES = frozenset({"/livez", "/readyz", "/startupz", "/v2/health/live", "/v2/health/ready"})


class CallerMiddleware:
    """Lets known callers pass, as often as they may; probes are open to anyone."""

    def __init__(self, app: ASGIApp, *, callers: Callers) -> None:
        self._app = app
        self._callers = callers

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request; what is no request, such as the application's start, passes."""
        if scope["type"] != "http" or scope["path"] in PROBES:
            await self._app(scope, receive, send)
            return
        try:
            self._admit(scope)
        except MiwakeError as exc:
            await error_response(Request(scope), exc)(scope, receive, send)
            return
        await self._app(scope, receive, send)

    def _admit(self, scope: Scope) -> None:
        state = request_state(scope)
        state.caller = self._callers.authenticate(Headers(scope=scope))
        self._callers.spend(state.caller)
