"""Whether the caller may use the model that a request's path names."""

from __future__ import annotations

from fastapi import Request

from serving.request_state import request_state


async def may_use_model_of_path(request: Request) -> None:
    """A dependency of all routes, so that no new one can forget it; a path without a model passes.

    Raises:
        ForbiddenError: the caller may not; before anything is said of the model, and before the body is read.
    """
    model = request.path_params.get("model")
    if model is not None:
        request_state(request.scope).caller.require(model)
