"""Every route of the gateway's port; none is bound to a gateway, which is the application's state."""

from __future__ import annotations

from functools import cache

from fastapi import APIRouter, Depends
from starlette.routing import BaseRoute

from serving.callers.permission import may_use_model_of_path
from serving.routes import embed, explain, models, oip, operations, playground, predict, tensorflow_serving
from serving.routes.known_parameters import refuse_unknown_parameters


# Reading forty signatures takes FastAPI longer than all the rest of a gateway's start: once a process.
@cache
def all_routes(*, with_metrics: bool) -> tuple[BaseRoute, ...]:
    """In the order in which they are tried.

    Args:
        with_metrics: whether /metrics is among them, and not on a port of its own.
    """
    root = APIRouter(dependencies=[Depends(may_use_model_of_path)])
    for router in (predict.router, explain.router, embed.router, models.router):
        root.include_router(router, dependencies=[Depends(refuse_unknown_parameters)])
    for router in (operations.router, oip.router, tensorflow_serving.router, playground.router):
        root.include_router(router)
    if with_metrics:
        root.include_router(operations.metrics_router)
    return tuple(root.routes)
