from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from modelserver.errors import OverloadedError
from tests.fake_model_server import FakeModelServer
from tests.pictures import encoded
from tests.serving.gateway_client import gateway

PNG = encoded()


async def until(condition: Any) -> None:
    async with asyncio.timeout(5):
        while not condition():
            await asyncio.sleep(0)


async def metric(client: httpx.AsyncClient, series: str) -> float:
    lines = (await client.get("/metrics")).text.splitlines()
    return next((float(line.rsplit(" ", 1)[1]) for line in lines if line.startswith(series + " ")), 0.0)


class NeverReadError(Exception):
    pass


async def unread() -> AsyncIterator[bytes]:
    raise NeverReadError
    yield b""


async def test_a_request_too_many_is_refused_by_its_headers_alone() -> None:
    server = FakeModelServer()
    async with gateway(server, max_predicted_images=1) as client:
        server.predict_gate = asyncio.Event()
        first = asyncio.create_task(client.post("/predict", content=PNG))
        await until(lambda: server.calls_in_flight == 1)
        refused = await client.post(
            "/predict", content=unread(), headers={"content-length": "20000", "content-type": "image/png"}
        )
        in_flight = await metric(client, "miwake_admitted_images")
        server.predict_gate.set()

        assert (await first).status_code == 200
        assert await metric(client, 'miwake_refused_total{model="toy",reason="images",version="1"}') == 1
        assert await metric(client, "miwake_admitted_images") == 0

    assert (refused.status_code, refused.json()["code"]) == (503, "overloaded")
    assert int(refused.headers["retry-after"]) >= 1
    assert in_flight == 1


async def test_a_request_of_many_images_that_finds_no_room_leaves_none_of_them_behind() -> None:
    server = FakeModelServer()
    async with gateway(server, max_predicted_images=8) as client:
        server.predict_gate = asyncio.Event()
        files = [("image", (f"{n}.png", PNG)) for n in range(6)]
        first = asyncio.create_task(client.post("/predict", files=files))
        await until(lambda: server.calls_in_flight == 2)
        second = await client.post("/predict", files=files)
        server.predict_gate.set()
        answer = await first

    assert second.status_code == 503
    assert len(answer.json()["predictions"]) == 6
    assert (
        sum(server.batches) - server.batches[0] <= 8
    )  # the first six, padded; the first batch is the self-test's


@pytest.mark.parametrize(
    ("kind", "limit"),
    [
        ("predict", "max_predicted_images"),
        ("explain", "max_explained_images"),
        ("embed", "max_embedded_images"),
    ],
)
async def test_what_is_too_much_of_one_kind_does_not_stop_the_others(kind: str, limit: str) -> None:
    server = FakeModelServer()
    others = {"predict", "explain", "embed"} - {kind}
    async with gateway(server, max_calls_in_flight=8, **{limit: 1}) as client:
        server.predict_gate = asyncio.Event()
        first = asyncio.create_task(client.post(f"/models/toy/{kind}", content=PNG))
        await until(lambda: server.calls_in_flight == 1)
        refused = await client.post(f"/models/toy/{kind}", content=PNG)
        rest = [asyncio.create_task(client.post(f"/models/toy/{other}", content=PNG)) for other in others]
        await until(lambda: server.calls_in_flight == 3)
        server.predict_gate.set()

        assert (refused.status_code, refused.json()["code"]) == (503, "overloaded")
        assert int(refused.headers["retry-after"]) >= 1
        assert {(await answered).status_code for answered in (first, *rest)} == {200}


async def test_while_the_model_server_has_too_much_to_do_it_is_asked_rarely() -> None:
    server = FakeModelServer()
    async with gateway(server) as client:
        server.predict_error = OverloadedError("Threadpool Exhausted")
        before = server.most_calls_in_flight
        statuses = {(await client.post("/predict", content=PNG)).status_code for _ in range(20)}
        refused = await metric(client, 'miwake_refused_total{model="toy",reason="model_server",version="1"}')

    assert statuses == {503}
    assert refused >= 10
    assert server.most_calls_in_flight == max(before, 1)


async def test_a_client_that_gives_up_frees_its_place() -> None:
    server = FakeModelServer()
    async with gateway(server, max_predicted_images=1) as client:
        server.predict_gate = asyncio.Event()
        late = await client.post("/predict", content=PNG, headers={"X-Request-Timeout": "0.05"})
        server.predict_gate.set()

        assert late.status_code == 504
        assert (await client.post("/predict", content=PNG)).status_code == 200
