"""Which of two media types a client would rather have."""

from __future__ import annotations


def prefers(accept: str, wanted: str, *, over: str) -> bool:
    """Whether an `Accept` header gives `wanted` a higher quality than `over`.

    A tie, as `*/*` or no header at all, is not a preference. RFC 9110, 12.5.1: the most specific range that
    fits a type says its quality.
    """
    ranges = [_range(text) for text in accept.split(",") if text.strip()]
    return _quality(ranges, wanted) > _quality(ranges, over)


def _quality(ranges: list[tuple[str, float]], media_type: str) -> float:
    kind = media_type.partition("/")[0]
    for pattern in (media_type, f"{kind}/*", "*/*"):
        fitting = [quality for name, quality in ranges if name == pattern]
        if fitting:
            return max(fitting)
    return 0.0


def _range(text: str) -> tuple[str, float]:
    """(media range, quality); a quality that is no number counts as none given."""
    name, *parameters = (part.strip().lower() for part in text.split(";"))
    for parameter in parameters:
        if parameter.startswith("q="):
            try:
                return name, float(parameter[2:])
            except ValueError:
                break
    return name, 1.0
