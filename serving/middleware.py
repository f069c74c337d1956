"""Around every request: its id, its metrics, and the last net under an unexpected error."""

from __future__ import annotations

import logging
import re
import time
import uuid

from fastapi import Request
from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from serving.metrics import Metrics
from serving.problems import problem_response
from serving.request_state import RequestState, attach

_log = logging.getLogger(__name__)
_SAFE_ID = re.compile(r"[A-Za-z0-9._-]{1,128}")
_UNROUTED = "unrouted"
# Asked every few seconds by machines that keep the answers themselves.
_UNLOGGED = frozenset({"/livez", "/readyz", "/startupz", "/metrics"})
# nginx' word for a client that hung up; no answer goes out, only the metric sees it.
_CLIENT_GONE = 499


class RequestMiddleware:
    """The outermost layer of the application."""

    def __init__(self, app: ASGIApp, *, metrics: Metrics) -> None:
        self._app = app
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        state = RequestState(request_id=_request_id(scope))
        attach(scope, state)
        answer = _Answer(send, request_id=state.request_id)
        started = time.perf_counter()
        with self._metrics.requests_in_flight.track_inprogress():
            await self._answer(scope, receive, answer)
        route = getattr(scope.get("route"), "path", _UNROUTED)
        seconds = time.perf_counter() - started
        labels = (route, str(answer.status), state.model, state.version)
        self._metrics.requests.labels(*labels).inc()
        self._metrics.request_duration.labels(*labels).observe(seconds)
        if route not in _UNLOGGED:
            line = (scope["method"], route, answer.status, 1000 * seconds, state.request_id)
            _log.info("%s %s %d in %.1f ms, request %s", *line)

    async def _answer(self, scope: Scope, receive: Receive, answer: _Answer) -> None:
        try:
            await self._app(scope, receive, answer.send)
        except ClientDisconnect:
            answer.status = _CLIENT_GONE
        # Whatever got this far is a fault of ours: the log has all of it, the client none of it.
        except Exception:
            _log.exception("unexpected error in request %s", answer.request_id)
            if answer.started:
                raise
            response = problem_response(Request(scope), "internal", "an unexpected error; see the log")
            await response(scope, receive, answer.send)


class _Answer:
    """Passes an answer on, adds the request id, remembers the status."""

    def __init__(self, send: Send, *, request_id: str) -> None:
        self._send = send
        self.request_id = request_id
        self.status = 0
        self.started = False

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.started = True
            self.status = message["status"]
            MutableHeaders(scope=message)["X-Request-ID"] = self.request_id
        await self._send(message)


def _request_id(scope: Scope) -> str:
    """The client's own id where it is safe to log, else a new one."""
    given = Headers(scope=scope).get("x-request-id", "")
    return given if _SAFE_ID.fullmatch(given) else uuid.uuid4().hex
