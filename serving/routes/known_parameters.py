"""A misspelt parameter must not pass as none at all."""

from __future__ import annotations

import difflib

from fastapi import Request
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute

from serving.errors import InvalidParameterError


async def refuse_unknown_parameters(request: Request) -> None:
    """A dependency of the native routes: raises InvalidParameterError for a parameter they do not have."""
    route = request.scope["route"]
    assert isinstance(route, APIRoute)  # noqa: S101 - it is a dependency of such routes alone
    known = _query_parameters(route.dependant)
    for name in request.query_params:
        if name not in known:
            raise InvalidParameterError(_text(name[:100], known))


def _query_parameters(dependant: Dependant) -> list[str]:
    """Names of those that a route takes, its dependencies' included."""
    own = [parameter.alias for parameter in dependant.query_params]
    return own + [name for dependency in dependant.dependencies for name in _query_parameters(dependency)]


def _text(name: str, known: list[str]) -> str:
    close = difflib.get_close_matches(name, known, n=1)
    return f"there is no parameter {name!r}" + (f"; {close[0]!r} is one" if close else "")
