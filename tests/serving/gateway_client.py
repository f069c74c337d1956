"""An HTTP client of a gateway in this process, with its watches running."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any

import httpx
from prometheus_client import CollectorRegistry

from modelserver.protocol import ModelServer
from serving.app import create_app
from serving.settings import Settings


def settings(**changes: Any) -> Settings:
    """Quick settings for one model named toy."""
    return Settings(**({"models": ("toy",), "poll_seconds": 0.02, "timeout_seconds": 2.0} | changes))


@contextlib.asynccontextmanager
async def gateway(
    model_server: ModelServer, *, ready: bool = True, **changes: Any
) -> AsyncIterator[httpx.AsyncClient]:
    """A gateway over this model server; by default once it is ready."""
    app = create_app(settings(**changes), model_server, registry=CollectorRegistry())
    async with app.router.lifespan_context(app):
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://gateway") as client:
            if ready:
                await until_ready(client)
            yield client


async def until_ready(client: httpx.AsyncClient, *, status: int = 200) -> httpx.Response:
    """Wait for /readyz to answer this."""
    async with asyncio.timeout(5):
        while True:
            response = await client.get("/readyz")
            if response.status_code == status:
                return response
            await asyncio.sleep(0.01)
