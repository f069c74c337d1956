"""Traces: a span for each request, and one below it for each stage it passed.

Without an exporter the trace still goes through: its id is in the log and in the calls to the model server.
"""

from __future__ import annotations

from dataclasses import dataclass

from serving.errors import TracesError
from serving.settings import Settings
from serving.telemetry.spans import EndedRequest, RequestSpan, Tracer
from serving.telemetry.trace_context import TraceContext, own_span


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
