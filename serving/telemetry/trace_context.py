"""W3C Trace Context: which trace a request belongs to, as its headers say it.

Format and rules: https://www.w3.org/TR/trace-context/, sections 3.2 (traceparent) and 3.3 (tracestate).
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field

_TRACEPARENT = re.compile(
    r"(?P<version>[0-9a-f]{2})-(?P<trace>[0-9a-f]{32})-(?P<span>[0-9a-f]{16})-(?P<flags>[0-9a-f]{2})(?P<more>-.*)?"
)
_TRACESTATE = re.compile(r"[\x20-\x7e]{1,512}")  # printable ASCII; 512 is what everybody must pass on
_INVALID_VERSION = "ff"
_FIRST_VERSION = "00"
_SAMPLED = 0x01
_MAX_TRACEPARENT = 256  # a later version may be longer than this one's 55


@dataclass(frozen=True, kw_only=True)
class TraceContext:
    """A span of a trace, to be somebody's parent.

    Attributes:
        trace_id: 32 hexadecimal digits, not all zero.
        span_id: 16 of them, not all zero.
        sampled: whether somebody keeps this trace.
        state: other vendors' `tracestate`, passed on as it came.
    """

    trace_id: str
    span_id: str
    sampled: bool = False
    state: str = field(default="", repr=False)

    @property
    def traceparent(self) -> str:
        """The header's value."""
        return f"{_FIRST_VERSION}-{self.trace_id}-{self.span_id}-{int(self.sampled):02x}"

    def headers(self) -> tuple[tuple[str, str], ...]:
        """What a call to somebody else carries, names in lower case."""
        parent = ("traceparent", self.traceparent)
        return (parent, ("tracestate", self.state)) if self.state else (parent,)


def incoming_trace(traceparents: Sequence[str], tracestates: Sequence[str] = ()) -> TraceContext | None:
    """What a request's headers say; None where they say nothing that may be believed.

    Args:
        traceparents: the values of all headers of that name: one is valid, several are not.
        tracestates: the same of tracestate: several are one list.
    """
    if len(traceparents) != 1 or len(traceparents[0]) > _MAX_TRACEPARENT:
        return None
    found = _TRACEPARENT.fullmatch(traceparents[0])
    if found is None or found["version"] == _INVALID_VERSION:
        return None
    if found["version"] == _FIRST_VERSION and found["more"]:
        return None
    if not int(found["trace"], 16) or not int(found["span"], 16):
        return None
    state = ",".join(tracestates)
    return TraceContext(
        trace_id=found["trace"],
        span_id=found["span"],
        sampled=bool(int(found["flags"], 16) & _SAMPLED),
        state=state if _TRACESTATE.fullmatch(state) else "",
    )


def own_span(parent: TraceContext | None) -> TraceContext:
    """A span below its parent, or the first of a new trace that nobody keeps."""
    if parent is None:
        return TraceContext(trace_id=secrets.token_hex(16), span_id=secrets.token_hex(8))
    return TraceContext(
        trace_id=parent.trace_id,
        span_id=secrets.token_hex(8),
        sampled=parent.sampled,
        state=parent.state,
    )
