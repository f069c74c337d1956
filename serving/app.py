"""The wiring of the gateway. Nothing happens at import."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import logging
from collections.abc import AsyncIterator, Collection
from importlib.metadata import version

from fastapi import FastAPI
from fastapi_offline import FastAPIOffline
from prometheus_client import CollectorRegistry

from modelserver.model_servers import ModelServers
from serving.callers.callers import Callers
from serving.callers.middleware import CallerMiddleware
from serving.fetch.fetcher import Fetcher
from serving.fetch.policy import url_policy
from serving.gateway import Gateway
from serving.grpc.port import grpc_port
from serving.http import openapi, problems
from serving.http.cors import allow_origins
from serving.http.draining import DrainingMiddleware
from serving.http.middleware import RequestMiddleware
from serving.http.security_headers import SecurityHeadersMiddleware
from serving.load.admission import Admission
from serving.load.codec_pool import CodecPool
from serving.predictor import Predictor
from serving.routes.all_routes import all_routes
from serving.settings import Settings
from serving.telemetry.metrics import Metrics
from serving.telemetry.served_gauges import ServedGauges, versions_there
from serving.telemetry.tracing import tracer_for
from serving.versions.resolver import VersionResolver
from serving.versions.routing import Routing

_log = logging.getLogger(__name__)


def create_app(
    settings: Settings,
    model_servers: ModelServers,
    routing: Routing,
    *,
    registry: CollectorRegistry,
    fetcher: Fetcher | None = None,
) -> FastAPI:
    """Build the gateway.

    Args:
        settings: the deployment's.
        model_servers: where the models run.
        routing: which models and versions answer.
        registry: holds this gateway's metrics and nobody else's.
        fetcher: fetches the images that JSON names by URL; by default one from the public internet alone.
    """
    metrics, tracer = Metrics(registry), tracer_for(settings)
    predictor = Predictor(settings, model_servers, routing, metrics=metrics)
    admission = Admission(
        max_requests=settings.max_requests_in_flight,
        max_bytes=settings.max_bytes_in_flight,
        caller_share=settings.caller_share,
        on_refused=metrics.count_refused,
    )
    metrics.admitted_requests.set_function(lambda: admission.requests)
    metrics.admitted_images.set_function(lambda: predictor.lanes.images)
    metrics.admitted_bytes.set_function(lambda: admission.bytes)
    registry.register(ServedGauges(predictor.versions.backends, stable_versions=routing.all_stable_versions))
    gateway = Gateway(
        settings=settings,
        predictor=predictor,
        admission=admission,
        codecs=CodecPool(threads=settings.decode_threads),
        fetcher=fetcher or Fetcher(url_policy(settings), max_connections=settings.url_max_connections),
        callers=Callers.of(settings, registry=registry),
        metrics=metrics,
        registry=registry,
    )
    app = FastAPIOffline(
        title="miwake",
        summary="Photographs in, labels out.",
        version=version("miwake"),
        redoc_url=None,
        lifespan=_lifespan,
        routes=[*all_routes(with_metrics=settings.admin_port is None)],
        # Left alone, FastAPI reads OTEL_… from the environment and sends traces, metrics and logs of its own.
        telemetry={"auto_configure": False, "tracing": False, "metrics": False, "logs": False},
    )
    app.state.gateway = gateway
    app.state.tracer = tracer
    problems.install(app)
    openapi.install(app)
    app.add_middleware(CallerMiddleware, callers=gateway.callers)
    allow_origins(app, settings.cors_origins)
    app.add_middleware(RequestMiddleware, metrics=metrics, tracer=tracer)
    app.add_middleware(SecurityHeadersMiddleware)
    app.add_middleware(DrainingMiddleware, gateway=gateway)
    return app


@contextlib.asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    gateway: Gateway = app.state.gateway
    predictor, metrics = gateway.predictor, gateway.metrics
    running = gateway.running = (
        asyncio.create_task(predictor.run()),
        asyncio.create_task(metrics.versions.run(functools.partial(_versions_there, predictor.versions))),
    )
    for task in running:
        task.add_done_callback(_ended)
    try:
        async with grpc_port(gateway, tracer=app.state.tracer):
            yield
    finally:
        for task in running:
            task.cancel()
        await asyncio.wait(running)
        await asyncio.to_thread(app.state.tracer.close)
        gateway.codecs.close()
        await gateway.fetcher.close()


def _versions_there(versions: VersionResolver) -> Collection[tuple[str, str]]:
    return versions_there(versions.backends, models=versions.routing.models)


def _ended(task: asyncio.Task[None]) -> None:
    """None of them does before the gateway; where one has, only a new process helps, and /livez says so."""
    if not task.cancelled():
        _log.critical("a part of the gateway has ended", exc_info=task.exception())
