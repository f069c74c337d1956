"""The admin port: metrics and probes where strangers cannot reach them, open to whoever can."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterator

import uvicorn
from fastapi import FastAPI

from serving.bodies.http_protocol import LimitedHttpProtocol
from serving.gateway import Gateway
from serving.http import problems
from serving.http.middleware import RequestMiddleware
from serving.http.security_headers import SecurityHeadersMiddleware
from serving.routes import operations
from serving.telemetry.spans import Tracer


def create_admin_app(gateway: Gateway, tracer: Tracer) -> FastAPI:
    """Another face of the same gateway, whose start and end are the first one's business."""
    # See create_app for FastAPI's telemetry.
    app = FastAPI(
        openapi_url=None,
        telemetry={"auto_configure": False, "tracing": False, "metrics": False, "logs": False},
    )
    app.state.gateway = gateway
    problems.install(app)
    app.add_middleware(RequestMiddleware, metrics=gateway.metrics, tracer=tracer)
    app.add_middleware(SecurityHeadersMiddleware)
    app.include_router(operations.router)
    app.include_router(operations.metrics_router)
    return app


@contextlib.asynccontextmanager
async def admin_port(app: FastAPI) -> AsyncIterator[None]:
    """Answer on the admin port of this gateway for as long as the block lasts, if one is set.

    Raises:
        SystemExit: the port cannot be had; logged.
    """
    gateway: Gateway = app.state.gateway
    if gateway.settings.admin_port is None:
        yield
        return
    config = uvicorn.Config(
        create_admin_app(gateway, app.state.tracer),
        host=gateway.settings.admin_host,
        port=gateway.settings.admin_port,
        http=LimitedHttpProtocol,
        ws="none",
        lifespan="off",
        server_header=False,
        access_log=False,
        log_config=None,
        timeout_graceful_shutdown=1,
    )
    server = _AdminServer(config)
    serving = asyncio.create_task(server.serve(sockets=[config.bind_socket()]))
    try:
        yield
    finally:
        server.should_exit = True
        await serving


class _AdminServer(uvicorn.Server):
    """Ends with the gateway: signals are for the gateway's own server."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Capture none."""
        yield
