from __future__ import annotations

import asyncio
import re

import httpx

from modelserver.errors import ModelServerFaultError, OverloadedError
from modelserver.models_file import ModelEntry, ModelsFile, Share
from tests.fake_model_server import FakeModelServer, FakeVersion, constant
from tests.manifests import golden, manifest
from tests.pictures import encoded
from tests.serving.gateway_client import gateway

CAT, DOG = (0.7, 0.2, 0.1), (0.1, 0.8, 0.1)
MODELS = ModelsFile(
    default="toy",
    models={"toy": ModelEntry(aliases={"stable": 1, "canary": 2}, shadow=Share(alias="canary", percent=100))},
)


def two_versions() -> FakeModelServer:
    other = FakeVersion(manifest(golden=golden(DOG)), constant(*DOG))
    return FakeModelServer({"toy": {1: FakeVersion(), 2: other}})


async def metric(client: httpx.AsyncClient, name: str) -> dict[str, float]:
    text = (await client.get("/metrics")).text
    return {labels: float(value) for labels, value in re.findall(rf"{name}{{(.*?)}} (\S+)", text)}


async def until_compared(client: httpx.AsyncClient) -> dict[str, float]:
    async with asyncio.timeout(5):
        while not (images := await metric(client, "miwake_shadow_images_total")):
            await asyncio.sleep(0.01)
    return images


async def until_dropped(client: httpx.AsyncClient) -> dict[str, float]:
    async with asyncio.timeout(5):
        while not (dropped := await metric(client, "miwake_shadow_dropped_images_total")):
            await asyncio.sleep(0.01)
    return dropped


async def test_the_shadow_sees_what_was_answered_and_the_client_sees_nothing_of_it() -> None:
    async with gateway(two_versions(), models=MODELS) as client:
        response = await client.post("/predict", files=[("image", ("a", encoded()))] * 3)
        compared = await until_compared(client)
        predictions = await metric(client, "miwake_predictions_total")
        received = await metric(client, "miwake_images_total")

    assert response.json()["version"] == 1
    assert compared == {'agrees="false",model="toy",shadow_version="2",version="1"': 3}
    assert predictions == {'label="cat",model="toy",version="1"': 3}
    assert received == {'model="toy",version="1"': 3}


async def test_a_shadow_that_hangs_or_breaks_delays_and_fails_nobody() -> None:
    server = two_versions()
    async with gateway(server, models=MODELS, timeout_seconds=0.5) as client:
        server.models["toy"][2].gate = asyncio.Event()
        hanging = [(await client.post("/predict", content=encoded())).status_code for _ in range(5)]
        dropped = await until_dropped(client)

    assert hanging == [200] * 5
    assert dropped == {'model="toy",reason="failed",shadow_version="2",version="1"': 1}


async def test_an_overloaded_shadow_does_not_have_live_requests_refused() -> None:
    server = two_versions()

    def overloaded(_: object) -> None:
        raise OverloadedError("too much")

    async with gateway(server, models=MODELS) as client:
        server.models["toy"][2].network = overloaded
        statuses = []
        for _ in range(20):
            statuses.append((await client.post("/predict", content=encoded())).status_code)
            await asyncio.sleep(0)
        await until_dropped(client)

    assert statuses == [200] * 20


async def test_what_a_live_request_lost_is_not_asked_of_the_shadow() -> None:
    server = two_versions()
    async with gateway(server, models=MODELS) as client:
        server.predict_error = ModelServerFaultError("it broke")
        await client.post("/predict", content=encoded())
        server.predict_error = None
        await client.post("/predict", content=encoded())
        compared = await until_compared(client)

    assert sum(compared.values()) == 1
