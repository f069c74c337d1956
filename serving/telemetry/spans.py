"""What a tracer is asked to do: begin a span for a request, and end it with all that was seen."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from serving.telemetry.request_record import RequestRecord
from serving.telemetry.trace_context import TraceContext


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
