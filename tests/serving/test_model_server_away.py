"""A model server that is away, busy or faulty: each is something else."""

from __future__ import annotations

import asyncio
from typing import Any

from modelserver.errors import (
    DeadlineExceededError,
    ModelServerAwayError,
    ModelServerFaultError,
    OverloadedError,
)
from tests.fake_model_server import FakeModelServer, FakeVersion
from tests.pictures import encoded
from tests.serving.gateway_client import gateway, until_ready
from tests.serving.test_versions import broken_version, version_and_label

PNG = encoded()


async def test_after_the_model_server_was_away_its_versions_are_tested_again() -> None:
    server = FakeModelServer()
    async with gateway(server) as client:
        server.error = ModelServerAwayError("away")
        await until_ready(client, status=503)
        away = await client.post("/predict", content=PNG)
        server.models["toy"][1] = broken_version()  # what comes back is not what went
        server.error = None
        await asyncio.sleep(0.2)
        back = await client.post("/predict", content=PNG)

    assert away.status_code == 503
    assert (back.status_code, back.json()["code"]) == (502, "contract_broken")


async def test_a_call_that_finds_the_model_server_away_makes_the_gateway_unready_at_once() -> None:
    server = FakeModelServer()
    async with gateway(server, poll_seconds=60) as client:
        server.error = ModelServerAwayError("away")
        await client.post("/predict", content=PNG)
        unready = await client.get("/readyz")
        server.error = None

        assert unready.status_code == 503


async def test_startup_was_reached_once_and_stays_so() -> None:
    server = FakeModelServer()
    server.error = ModelServerAwayError("away")
    async with gateway(server, ready=False) as client:
        early = await client.get("/startupz")
        server.error = None
        await until_ready(client)
        server.error = ModelServerAwayError("away")
        await until_ready(client, status=503)
        late = await client.get("/startupz")
        alive = await client.get("/livez")

    assert (early.status_code, late.status_code, alive.status_code) == (503, 200, 200)


async def test_a_model_server_that_is_only_busy_changes_nothing() -> None:
    server = FakeModelServer()
    async with gateway(server) as client:
        server.versions_error = OverloadedError("full")
        await until_looked(server, 6)

        assert await version_and_label(client) == (1, "cat")
        assert (await client.get("/readyz")).status_code == 200


async def test_one_that_is_late_with_its_status_but_answers_goes_on() -> None:
    server = FakeModelServer()
    async with gateway(server) as client:
        server.versions_error = DeadlineExceededError("late")
        for _ in range(6):
            await until_looked(server, 1)
            assert await version_and_label(client) == (1, "cat")


async def test_one_that_answers_nothing_is_not_ready_and_is_tested_again_once_it_does() -> None:
    server = FakeModelServer()
    async with gateway(server) as client:
        server.versions_error = DeadlineExceededError("late")
        unready = await until_ready(client, status=503)
        server.models["toy"][1] = broken_version()
        server.versions_error = None
        await asyncio.sleep(0.2)
        back = await client.post("/predict", content=PNG)

    assert "does not answer" in unready.json()["detail"]
    assert (back.status_code, back.json()["code"]) == (502, "contract_broken")


async def test_a_connection_that_breaks_between_two_looks_makes_it_be_tested_again() -> None:
    server = FakeModelServer()
    async with gateway(server, poll_seconds=60) as client:
        server.models["toy"][1] = broken_version()
        server.break_connection()
        await asyncio.sleep(0)
        unready = await until_ready(client, status=503)

    assert "connection" in unready.json()["detail"]


async def until_looked(server: FakeModelServer, times: int) -> None:
    async with asyncio.timeout(5):
        looks = server.looks + times
        while server.looks < looks:
            await asyncio.sleep(0.005)


async def test_a_passing_fault_in_the_self_test_is_not_held_against_a_version() -> None:
    server = FakeModelServer()
    server.predict_error = ModelServerFaultError("out of memory")
    async with gateway(server, ready=False) as client:
        await asyncio.sleep(0.1)
        unready = await client.get("/readyz")
        server.predict_error = None
        await until_ready(client)

        assert "out of memory" in unready.json()["detail"]
        assert await version_and_label(client) == (1, "cat")


async def test_what_waits_when_the_model_server_goes_away_is_not_answered_by_what_comes_back() -> None:
    server = FakeModelServer()
    async with gateway(server, max_calls_in_flight=1) as client:
        server.predict_gate = asyncio.Event()
        server.predict_error = ModelServerAwayError("away")
        requests = [asyncio.create_task(client.post("/predict", content=PNG)) for _ in range(12)]
        await asyncio.sleep(0.1)
        server.models["toy"][1] = broken_version()  # under the same number
        server.fail_next_predict_only = True
        server.predict_gate.set()
        responses = await asyncio.gather(*requests)

    # A second attempt waits for the self-test of what came back, which fails.
    assert {response.status_code for response in responses} <= {502, 503}


async def test_a_model_server_that_is_away_is_away_for_every_model() -> None:
    server = FakeModelServer({"toy": {1: FakeVersion()}, "other": {1: FakeVersion()}})
    async with gateway(server, models=("toy", "other"), poll_seconds=60) as client:
        await until_other_answers(client)
        server.predict_error = ModelServerAwayError("away")
        await client.post("/predict", content=PNG)
        server.predict_error = None
        other = (await client.get("/models/other")).json()

    assert not other["ready"]


async def until_other_answers(client: Any) -> None:
    async with asyncio.timeout(5):
        while (await client.post("/models/other/predict", content=PNG)).status_code != 200:
            await asyncio.sleep(0.01)
