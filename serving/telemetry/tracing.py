"""Traces: a span for each request, and one below it for each stage it passed.

Without an exporter the trace still goes through: its id is in the log and in the calls to the model server.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from serving.errors import TracesError
from serving.settings import Settings
from serving.telemetry.request_record import RequestRecord
from serving.telemetry.trace_context import TraceContext, own_span


@dataclass(frozen=True, kw_only=True)
class EndedRequest:
    """A request that has been answered.

    Attributes:
        record: what was seen of it.
        method: of HTTP; `POST` for gRPC, which is what it travels by.
        route: the template, never the path itself.
        status: of HTTP.
        seconds: from the end of its headers to the last byte of its answer.
        client: its address; empty where it has none.
    """

    record: RequestRecord
    method: str
    route: str
    status: int
    seconds: float
    client: str


class RequestSpan(Protocol):
    """A span under way."""

    @property
    def context(self) -> TraceContext:
        """What calls made for it name as their parent."""

    def end(self, ended: EndedRequest) -> None:
        """The request was answered; not called for one that nobody wants to see."""


class Tracer(Protocol):
    """Begins spans."""

    def begin(self, parent: TraceContext | None) -> RequestSpan:
        """A request has come."""

    def close(self) -> None:
        """Send what waits; blocks for some seconds at most."""


@dataclass(frozen=True)
class _PassedOn:
    """A span that nobody keeps."""

    context: TraceContext

    def end(self, ended: EndedRequest) -> None:
        """Nothing to do."""


class PassingTracer:
    """Passes traces on and keeps none."""

    def begin(self, parent: TraceContext | None) -> RequestSpan:
        """See `Tracer.begin`."""
        return _PassedOn(own_span(parent))

    def close(self) -> None:
        """Nothing waits."""


def tracer_for(settings: Settings) -> Tracer:
    """The tracer a deployment asks for.

    Raises:
        TracesError: an exporter is asked for that is not installed.
    """
    if not settings.otlp_endpoint:
        return PassingTracer()
    try:
        # Half a second and 20 MB that only those pay who ask for traces.
        from serving.telemetry.open_telemetry import otlp_tracer  # noqa: PLC0415
    except ImportError as exc:
        raise TracesError("traces need OpenTelemetry: pip install 'miwake[otel]'") from exc
    return otlp_tracer(settings.otlp_endpoint, sample_share=settings.trace_share)
