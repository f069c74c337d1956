"""Dependencies that FastAPI need not run in a thread.

It sends whatever is no coroutine there, so each plain value class costs every request a hop to a thread and
back, and under load the wait for the interpreter in both directions.
"""

from __future__ import annotations

import inspect
import typing
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

Value = TypeVar("Value")


def on_the_loop(value_type: type[Value]) -> Callable[..., Coroutine[Any, Any, Value]]:
    """What makes a value of its class's own parameters, for `fastapi.Depends`."""

    async def make(**given: Any) -> Value:
        return value_type(**given)

    hints = typing.get_type_hints(value_type, include_extras=True)
    signature = inspect.signature(value_type)
    parameters = [p.replace(annotation=hints[name]) for name, p in signature.parameters.items()]
    make.__signature__ = signature.replace(parameters=parameters)  # type: ignore[attr-defined]
    return make
