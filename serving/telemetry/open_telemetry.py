"""Traces by OpenTelemetry, sent by OTLP over HTTP. The only file that knows OpenTelemetry.

Names of attributes are those of its semantic conventions for HTTP servers, ours begin with `miwake.`:
https://opentelemetry.io/docs/specs/semconv/http/http-spans/
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from importlib.metadata import version

from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter
from opentelemetry.sdk.trace.sampling import ParentBased, TraceIdRatioBased
from opentelemetry.trace import (
    NonRecordingSpan,
    Span,
    SpanContext,
    SpanKind,
    Status,
    StatusCode,
    TraceFlags,
    TraceState,
    set_span_in_context,
)
from opentelemetry.trace import Tracer as OtelTracer

from serving.telemetry.spans import EndedRequest, RequestSpan
from serving.telemetry.stage import Stage
from serving.telemetry.trace_context import TraceContext

_TRACES_PATH = "/v1/traces"
_SERVER_ERROR = 500
_EXPORT_SECONDS = 5.0
_CLOSE_SECONDS = 5.0


def otlp_tracer(endpoint: str, *, sample_share: float) -> OpenTelemetryTracer:
    """A tracer that sends to a collector.

    Args:
        endpoint: its URL, with or without `/v1/traces`.
        sample_share: see `OpenTelemetryTracer`.
    """
    url = endpoint.rstrip("/")
    url = url if url.endswith(_TRACES_PATH) else url + _TRACES_PATH
    exporter = OTLPSpanExporter(endpoint=url, timeout=_EXPORT_SECONDS)
    return OpenTelemetryTracer(exporter, sample_share=sample_share)


class OpenTelemetryTracer:
    """Keeps the spans of sampled requests and exports them in the background.

    The provider is its own and not the process' global one, which other libraries would write to.
    """

    def __init__(self, exporter: SpanExporter, *, sample_share: float) -> None:
        """Wire it up.

        Args:
            exporter: takes finished spans.
            sample_share: of all traces that are kept, 0 to 1. A parent's `sampled` is a stranger's word:
                of those traces the same share is kept, by their id; what a parent leaves out stays out.
        """
        share = TraceIdRatioBased(sample_share)
        resource = Resource.create({"service.name": "miwake", "service.version": version("miwake")})
        self._provider = TracerProvider(
            sampler=ParentBased(share, remote_parent_sampled=share),
            resource=resource,
            shutdown_on_exit=False,
        )
        self._provider.add_span_processor(BatchSpanProcessor(exporter))
        self._tracer = self._provider.get_tracer("miwake")

    def begin(self, parent: TraceContext | None) -> RequestSpan:
        """See `Tracer.begin`."""
        above = _context_of(parent) if parent else Context()
        return _RequestSpan(self._tracer, self._tracer.start_span("request", above, kind=SpanKind.SERVER))

    def close(self) -> None:
        """See `Tracer.close`."""
        # The library waits half a minute for a collector that is away.
        closing = threading.Thread(target=self._provider.shutdown, name="traces", daemon=True)
        closing.start()
        closing.join(_CLOSE_SECONDS)


class _RequestSpan:
    """One request's span."""

    def __init__(self, tracer: OtelTracer, span: Span) -> None:
        self._tracer = tracer
        self._span = span

    @property
    def context(self) -> TraceContext:
        """See `RequestSpan.context`."""
        context = self._span.get_span_context()
        return TraceContext(
            trace_id=f"{context.trace_id:032x}",
            span_id=f"{context.span_id:016x}",
            sampled=context.trace_flags.sampled,
            state=context.trace_state.to_header(),
        )

    def end(self, ended: EndedRequest) -> None:
        """See `RequestSpan.end`."""
        if not self._span.is_recording():
            return
        record = ended.record
        started_ns = record.started_ns - _nanoseconds(record.started)
        for stage, time in record.stages().items():
            child = self._tracer.start_span(
                stage,
                set_span_in_context(self._span),
                kind=SpanKind.CLIENT if stage is Stage.PREDICT else SpanKind.INTERNAL,
                start_time=started_ns + _nanoseconds(time.started),
                attributes={"miwake.passages": time.passages, "miwake.busy_seconds": time.seconds},
            )
            child.end(started_ns + _nanoseconds(time.ended))
        self._span.update_name(f"{ended.method} {ended.route}")
        self._span.set_attributes(_attributes(ended))
        if ended.status >= _SERVER_ERROR:
            self._span.set_status(Status(StatusCode.ERROR))
        self._span.end(started_ns + _nanoseconds(record.started + ended.seconds))


def _attributes(ended: EndedRequest) -> Mapping[str, str | int]:
    record = ended.record
    members: dict[str, str | int] = {
        "http.request.method": ended.method,
        "http.route": ended.route,
        "http.response.status_code": ended.status,
        "http.request.body.size": record.bytes_in,
        "client.address": ended.client,
        "error.type": record.code,
        "miwake.request_id": record.state.request_id,
        "miwake.model": record.state.model,
        "miwake.version": record.state.version,
        "miwake.images": record.images,
        "miwake.images_rejected": record.rejected,
    }
    return {name: value for name, value in members.items() if value != ""}


def _context_of(parent: TraceContext) -> Context:
    context = SpanContext(
        trace_id=int(parent.trace_id, 16),
        span_id=int(parent.span_id, 16),
        is_remote=True,
        trace_flags=TraceFlags(TraceFlags.SAMPLED if parent.sampled else TraceFlags.DEFAULT),
        trace_state=TraceState.from_header([parent.state]),
    )
    return set_span_in_context(NonRecordingSpan(context), Context())


def _nanoseconds(seconds: float) -> int:
    return round(seconds * 1e9)
