"""Tasks that work side by side fail of the same thing, and one of them is enough to tell."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator


@contextlib.contextmanager
def first_error() -> Iterator[None]:
    """Around a task group: what ended it comes out as it was raised, and not as a group."""
    try:
        yield
    except ExceptionGroup as exc:
        first = _first(exc)
        raise first from first.__cause__


def _first(group: BaseExceptionGroup[Exception]) -> Exception:
    first = group.exceptions[0]
    return _first(first) if isinstance(first, BaseExceptionGroup) else first
