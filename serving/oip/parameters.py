"""The `parameters` of a request and of its tensors; those nobody here knows are passed over."""

from __future__ import annotations

from collections.abc import Mapping

from serving.errors import InvalidParameterError

Parameters = Mapping[str, object]

_MICROSECONDS = 1e6


def integer(parameters: Parameters, name: str) -> int | None:
    """A whole number of at least 0; None where it is not given.

    Raises:
        InvalidParameterError: anything else.
    """
    value = parameters.get(name)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise InvalidParameterError(f"parameter {name} is a whole number of at least 0")
    return value


def boolean(parameters: Parameters, name: str, *, default: bool) -> bool:
    """A truth value.

    Raises:
        InvalidParameterError: anything else.
    """
    value = parameters.get(name, default)
    if not isinstance(value, bool):
        raise InvalidParameterError(f"parameter {name} is true or false")
    return value


def timeout_seconds(parameters: Parameters) -> float | None:
    """Triton's `timeout`, in microseconds; None where it is not given or 0, which means none.

    Raises:
        InvalidParameterError: not a whole number of at least 0.
    """
    microseconds = integer(parameters, "timeout")
    # As far as a clock counts: a larger one is as good as none.
    return min(microseconds, 2**63) / _MICROSECONDS if microseconds else None
