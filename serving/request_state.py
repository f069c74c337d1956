"""What is known of one request while it is under way: its id, and the model that answered."""

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
    """Filled as the request goes; the metrics and every answer read it."""

    request_id: str
    model: str = ""
    version: str = ""
    body_read: bool = False
    caller: Caller = ANYONE

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
