"""What is known of one request while it is under way: its id, its caller, the model and version it is for."""

from __future__ import annotations

import re
import uuid
from dataclasses import dataclass

from starlette.types import Scope

from modelserver.predict import ModelVersion
from serving.callers.caller import ANYONE, Caller

_KEY = "miwake.request"
_SAFE_ID = re.compile(r"[A-Za-z0-9._-]{1,128}")


@dataclass(kw_only=True)
class RequestState:
    """Filled as the request goes; metrics, log and traces read it.

    Attributes:
        request_id: the client's own, or a new one.
        model: that it asks of; empty until that is known to exist.
        version: of the model, the one that answers; until that is settled the one that would, if any.
        body_read: whether nothing of its body is left on the connection.
        caller: who asks.
    """

    request_id: str
    model: str = ""
    version: str = ""
    body_read: bool = False
    caller: Caller = ANYONE

    def expects(self, model: str, target: ModelVersion | None) -> None:
        """It asks of a known model, and this version would answer it now."""
        self.model = model
        self.version = "" if target is None else str(target.version)

    def resolved_to(self, target: ModelVersion) -> None:
        """Remember the version that answers, or fails to."""
        self.version = str(target.version)


def safe_request_id(given: str) -> str:
    """The client's own id where it is safe to log, else a new one."""
    return given if _SAFE_ID.fullmatch(given) else uuid.uuid4().hex


def attach(scope: Scope, state: RequestState) -> None:
    """Put it beside the request, where the middleware and the routes both see it."""
    scope[_KEY] = state


def request_state(scope: Scope) -> RequestState:
    """The state of this request."""
    state: RequestState = scope[_KEY]
    return state
