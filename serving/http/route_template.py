"""Which route a request is for, as metrics and the log name it."""

from __future__ import annotations

from fastapi.routing import iter_route_contexts
from starlette.routing import Match
from starlette.types import Scope

_UNROUTED = "unrouted"


def route_template(scope: Scope) -> str:
    """The path with its parameters' names in place of their values; `unrouted` where there is no such path.

    The application sets it as it routes; a request that was refused at the door never got there.
    """
    if "route" in scope:
        path: str = scope["route"].path
        return path
    found = _UNROUTED
    for route in iter_route_contexts(scope["app"].routes):
        match, _ = route.matches(scope)
        if match is Match.FULL:
            return route.path or _UNROUTED
        if match is Match.PARTIAL and found == _UNROUTED:
            found = route.path or _UNROUTED
    return found
