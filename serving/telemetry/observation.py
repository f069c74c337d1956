"""Seeing a request from beginning to end, whatever protocol it came by: metrics, log line and span."""

from __future__ import annotations

import time
from collections.abc import Sequence

from modelserver.call_metadata import set_call_metadata
from serving.request_state import RequestState
from serving.telemetry.metrics import Metrics
from serving.telemetry.request_log import log_request
from serving.telemetry.request_record import RequestRecord, set_current_record
from serving.telemetry.spans import EndedRequest, RequestSpan, Tracer
from serving.telemetry.trace_context import incoming_trace

# Asked every few seconds by machines that keep the answers themselves.
_COUNTED_ONLY = frozenset(
    {
        "/livez",
        "/readyz",
        "/startupz",
        "/metrics",
        "/v2/health/live",
        "/v2/health/ready",
        "grpc:HealthCheck",
    }
)


class Observation:
    """One request, from `__init__` to `end`; both in the task that answers it."""

    def __init__(
        self,
        state: RequestState,
        *,
        metrics: Metrics,
        tracer: Tracer,
        traceparents: Sequence[str],
        tracestates: Sequence[str] = (),
    ) -> None:
        """A request has come: what its task does from now on is seen.

        Args:
            state: the request's.
            metrics: told at the end.
            tracer: told at both ends.
            traceparents: the values of all headers of that name.
            tracestates: the same of tracestate.
        """
        self._metrics = metrics
        self._span: RequestSpan = tracer.begin(incoming_trace(traceparents, tracestates))
        self.record = RequestRecord(state=state, trace=self._span.context)
        set_current_record(self.record)
        set_call_metadata(self.record.trace.headers())
        metrics.requests_in_flight.inc()

    def end(self, *, method: str, route: str, status: int, client: str) -> None:
        """It was answered; see `EndedRequest` for the arguments."""
        seconds = time.perf_counter() - self.record.started
        self._metrics.requests_in_flight.dec()
        self._metrics.answered_request(route=route, status=status, seconds=seconds)
        if route in _COUNTED_ONLY:
            return
        ended = EndedRequest(
            record=self.record, method=method, route=route, status=status, seconds=seconds, client=client
        )
        log_request(ended)
        self._span.end(ended)
