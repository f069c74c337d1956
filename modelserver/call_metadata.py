"""What goes along with a call besides its tensors: the headers of the trace it belongs to.

Kept in the context of the task that calls, as it concerns whoever watches and nobody on the way.
"""

from __future__ import annotations

from contextvars import ContextVar

Metadata = tuple[tuple[str, str], ...]

_METADATA: ContextVar[Metadata] = ContextVar("call_metadata", default=())


def call_metadata() -> Metadata:
    """Pairs of a lower-case name and a value, for calls of this task."""
    return _METADATA.get()


def set_call_metadata(metadata: Metadata) -> None:
    """Send these with every call of this task, and of those it starts."""
    _METADATA.set(metadata)
