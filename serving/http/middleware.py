"""Around every request: its id, its metrics, and the last net under an unexpected error."""

from __future__ import annotations

import logging

from fastapi import Request
from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from serving.http.problems import problem_response
from serving.http.route_template import route_template
from serving.request_state import RequestState, attach, safe_request_id
from serving.telemetry.metrics import Metrics
from serving.telemetry.observation import Observation
from serving.telemetry.request_record import RequestRecord, answered_with
from serving.telemetry.spans import Tracer
from serving.telemetry.tracing import PassingTracer

_log = logging.getLogger(__name__)
# nginx' word for a client that hung up; no answer goes out, only the metric and the log see it.
_CLIENT_GONE = 499


class RequestMiddleware:
    """The outermost layer of the application."""

    def __init__(self, app: ASGIApp, *, metrics: Metrics, tracer: Tracer | None = None) -> None:
        self._app = app
        self._metrics = metrics
        self._tracer = tracer or PassingTracer()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        state = RequestState(request_id=safe_request_id(Headers(scope=scope).get("x-request-id", "")))
        attach(scope, state)
        answer = _Answer(send, request_id=state.request_id)
        headers = Headers(scope=scope)
        observation = Observation(
            state,
            metrics=self._metrics,
            tracer=self._tracer,
            traceparents=headers.getlist("traceparent"),
            tracestates=headers.getlist("tracestate"),
        )
        try:
            await self._answer(scope, _counting(receive, observation.record), answer)
        finally:
            observation.end(
                method=scope["method"],
                route=route_template(scope),
                status=answer.status,
                client=scope["client"][0] if scope.get("client") else "",
            )

    async def _answer(self, scope: Scope, receive: Receive, answer: _Answer) -> None:
        try:
            await self._app(scope, receive, answer.send)
        except ClientDisconnect:
            answer.status = _CLIENT_GONE
            answered_with("client_gone")
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


def _counting(receive: Receive, record: RequestRecord) -> Receive:
    async def counting() -> Message:
        message = await receive()
        record.bytes_in += len(message.get("body", b""))
        return message

    return counting
