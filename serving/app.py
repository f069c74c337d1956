"""The wiring of the gateway. Nothing happens at import."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from importlib.metadata import version

from fastapi import FastAPI
from fastapi_offline import FastAPIOffline
from prometheus_client import CollectorRegistry

from modelserver.protocol import ModelServer
from serving import openapi, problems
from serving.gateway import Gateway
from serving.metrics import Metrics
from serving.middleware import RequestMiddleware
from serving.predictor import Predictor
from serving.routes import models, operations, predict
from serving.settings import Settings


def create_app(settings: Settings, model_server: ModelServer, *, registry: CollectorRegistry) -> FastAPI:
    """Build the gateway.

    Args:
        settings: the deployment's.
        model_server: closed by whoever made it, after the application has ended.
        registry: holds this gateway's metrics and nobody else's.
    """
    metrics = Metrics(registry)
    gateway = Gateway(
        settings=settings,
        predictor=Predictor(settings, model_server, metrics=metrics),
        metrics=metrics,
        registry=registry,
    )
    app = FastAPIOffline(
        title="miwake",
        summary="Photographs in, labels out.",
        version=version("miwake"),
        redoc_url=None,
        lifespan=_lifespan,
    )
    app.state.gateway = gateway
    problems.install(app)
    openapi.install(app)
    app.add_middleware(RequestMiddleware, metrics=metrics)
    for router in (predict.router, models.router, operations.router):
        app.include_router(router)
    return app


@contextlib.asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    watching = asyncio.create_task(app.state.gateway.predictor.run())
    try:
        yield
    finally:
        watching.cancel()
        await asyncio.wait([watching])
