"""An HTTP client of a gateway in this process, with its watches running."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any

import httpx
from prometheus_client import CollectorRegistry

from modelserver.model_servers import ModelServers
from modelserver.models_file import ModelsFile
from modelserver.protocol import ModelServer
from serving.app import create_app
from serving.fetch.fetcher import Fetcher
from serving.gateway import Gateway
from serving.settings import Settings
from serving.versions.routing import Routing


class AtAddresses:
    """Model servers at addresses that a test may change; what is connected to is never closed."""

    def __init__(self, **servers: ModelServer) -> None:
        self.servers = servers

    async def addresses(self) -> list[str]:
        return sorted(self.servers)

    def connect(self, address: str) -> ModelServer:
        return self.servers[address]


def settings(**changes: Any) -> Settings:
    """Quick settings."""
    quick = {"poll_seconds": 0.02, "resolve_seconds": 0.02, "timeout_seconds": 2.0, "retry_wait_seconds": 0.2}
    return Settings(**(quick | changes))


@contextlib.asynccontextmanager
async def gateway(
    model_server: ModelServer | ModelServers,
    *,
    models: ModelsFile | tuple[str, ...] = ("toy",),
    ready: bool = True,
    fetcher: Fetcher | None = None,
    **changes: Any,
) -> AsyncIterator[httpx.AsyncClient]:
    """A gateway over this model server, or these; by default once it is ready."""
    servers = model_server if hasattr(model_server, "addresses") else AtAddresses(only=model_server)
    routing = Routing(models if isinstance(models, ModelsFile) else ModelsFile.of(models))
    app = create_app(settings(**changes), servers, routing, registry=CollectorRegistry(), fetcher=fetcher)
    async with app.router.lifespan_context(app):
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://gateway") as client:
            if ready:
                await _until_ready(app.state.gateway)
            yield client


async def _until_ready(gateway: Gateway) -> None:
    """Asks no probe: over HTTP this would be most of what a quick test does."""
    async with asyncio.timeout(5):
        while gateway.not_ready_because() is not None:
            await asyncio.sleep(0.001)


async def until_ready(client: httpx.AsyncClient, *, status: int = 200) -> httpx.Response:
    """Wait for /readyz to answer this."""
    async with asyncio.timeout(5):
        while True:
            response = await client.get("/readyz")
            if response.status_code == status:
                return response
            await asyncio.sleep(0.01)


async def until_answered_by(client: httpx.AsyncClient, version: int) -> None:
    """Wait for the default model's new version."""
    async with asyncio.timeout(5):
        while (await client.get("/models")).json()["models"][0]["latest"] != version:
            await asyncio.sleep(0.01)
