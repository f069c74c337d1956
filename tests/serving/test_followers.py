"""What runs beside the requests: nothing ends it, and where it has ended all the same /livez says so."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator

import httpx
from fastapi import FastAPI
from prometheus_client import CollectorRegistry

from modelserver.models_file import ModelsFile
from serving.app import create_app
from serving.versions.routing import Routing
from tests.fake_model_server import FakeModelServer
from tests.serving.gateway_client import AtAddresses, settings, until_ready


class Stumbling(Routing):
    """Ends the first looks at models.toml in an error nobody thought of, then serves another model."""

    def __init__(self) -> None:
        super().__init__(ModelsFile.of(("other",)))
        self.stumbles = 3

    def read_again(self) -> bool:
        if self.stumbles:
            self.stumbles -= 1
            raise RuntimeError("nobody thought of this")
        self.models_file = ModelsFile.of(("toy",))
        return True


@contextlib.asynccontextmanager
async def running(routing: Routing) -> AsyncIterator[tuple[FastAPI, httpx.AsyncClient]]:
    servers = AtAddresses(only=FakeModelServer())
    app = create_app(settings(), servers, routing, registry=CollectorRegistry())
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://gateway") as client,
    ):
        yield app, client


async def test_an_error_while_looking_at_models_toml_does_not_end_the_looking() -> None:
    async with running(Stumbling()) as (_, client):
        await until_ready(client)

        assert (await client.get("/livez")).status_code == 200


async def test_a_gateway_that_has_lost_a_part_is_not_alive() -> None:
    async with running(Routing(ModelsFile.of(("toy",)))) as (app, client):
        before = await client.get("/livez")
        part = app.state.gateway.running[0]
        part.cancel()
        await asyncio.wait([part])
        after = await client.get("/livez")

    assert (before.status_code, after.status_code) == (200, 503)
    assert after.json()["status"] == "unavailable"
