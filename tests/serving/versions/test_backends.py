"""Several model servers behind one name."""

from __future__ import annotations

import asyncio

import httpx
import pytest

from modelserver.errors import ModelServerAwayError, ModelServerFaultError, OverloadedError
from modelserver.model_servers import GrpcModelServers
from modelserver.protocol import Call, Tensors
from tests.fake_model_server import FakeModelServer
from tests.pictures import encoded
from tests.serving.gateway_client import AtAddresses, gateway, until_ready
from tests.serving.test_versions import broken_version, version_and_label

PNG = encoded()


async def until_on(client: httpx.AsyncClient, count: int, *, version: int = 1) -> None:
    """Until that many model servers may answer with the version."""
    async with asyncio.timeout(5):
        while True:
            versions = (await client.get("/models/toy")).json()["versions"]
            if [v["model_servers"] for v in versions if v["version"] == version] == [count]:
                return
            await asyncio.sleep(0.01)


async def test_a_request_goes_where_the_fewest_wait() -> None:
    servers = [FakeModelServer(), FakeModelServer()]
    async with gateway(AtAddresses(a=servers[0], b=servers[1])) as client:
        await until_on(client, 2)
        for server in servers:
            server.predict_gate = asyncio.Event()
        held = asyncio.create_task(client.post("/predict", content=PNG))
        while not any(server.calls_in_flight for server in servers):
            await asyncio.sleep(0.01)
        busy, idle = sorted(servers, key=lambda server: -server.calls_in_flight)
        idle.predict_gate.set()
        others = [await client.post("/predict", content=PNG) for _ in range(3)]
        busy.predict_gate.set()

        assert {response.status_code for response in [*others, await held]} == {200}


async def test_one_that_appears_later_is_used_and_one_that_goes_is_not() -> None:
    old, new = FakeModelServer(), FakeModelServer()
    servers = AtAddresses(old=old)
    async with gateway(servers) as client:
        servers.servers = {"old": old, "new": new}
        await until_on(client, 2)
        servers.servers = {"new": new}
        await until_on(client, 1)

        assert (await client.post("/predict", content=PNG)).status_code == 200
    assert old.calls_in_flight == 0


async def test_one_that_goes_finishes_what_it_was_given() -> None:
    old, new = FakeModelServer(), FakeModelServer()
    servers = AtAddresses(old=old)
    async with gateway(servers) as client:
        old.predict_gate = asyncio.Event()
        request = asyncio.create_task(client.post("/predict", content=PNG))
        while not old.calls_in_flight:
            await asyncio.sleep(0.01)
        servers.servers = {"new": new}
        await asyncio.sleep(0.2)
        old.predict_gate.set()
        response = await request

    assert (response.status_code, new.batches.count(1)) == (200, 1)  # of its self-test


async def test_one_that_fails_its_self_test_gets_no_request() -> None:
    good, bad = FakeModelServer(), FakeModelServer()
    bad.models["toy"][1] = broken_version()
    async with gateway(AtAddresses(bad=bad, good=good)) as client:
        answers = {await version_and_label(client) for _ in range(5)}
        versions = (await client.get("/models/toy")).json()["versions"]

    assert answers == {(1, "cat")}
    assert (versions[0]["self_test"], versions[0]["model_servers"]) == ("passed", 1)
    assert "golden" in versions[0]["detail"]


async def test_a_request_that_finds_one_away_is_answered_by_another() -> None:
    first, second = FakeModelServer(), FakeModelServer()
    async with gateway(AtAddresses(a=first, b=second), poll_seconds=60) as client:
        await until_on(client, 2)
        first.predict_error = ModelServerAwayError("away")
        responses = await asyncio.gather(*(client.post("/predict", content=PNG) for _ in range(8)))

    assert {response.status_code for response in responses} == {200}


async def test_without_a_retry_budget_it_is_not() -> None:
    server = FakeModelServer()
    async with gateway(server, retry_share=0, poll_seconds=60) as client:
        server.predict_error, server.fail_next_predict_only = ModelServerAwayError("away"), True
        refused = await client.post("/predict", content=PNG)

    assert (refused.status_code, refused.json()["code"]) == (503, "model_server_away")


async def test_a_lone_model_server_that_was_away_for_a_moment_answers_the_second_attempt() -> None:
    server = FakeModelServer()
    async with gateway(server, retry_wait_seconds=2.0) as client:
        server.predict_error, server.fail_next_predict_only = ModelServerAwayError("away"), True

        assert (await client.post("/predict", content=PNG)).status_code == 200


async def test_a_fault_is_not_tried_elsewhere() -> None:
    first, second = FakeModelServer(), FakeModelServer()
    async with gateway(AtAddresses(a=first, b=second)) as client:
        await until_on(client, 2)
        first.predict_error = second.predict_error = ModelServerFaultError("broken inside")
        calls = len(first.batches) + len(second.batches)
        response = await client.post("/predict", content=PNG)

    assert response.status_code == 502
    assert len(first.batches) + len(second.batches) == calls


class Overloaded(FakeModelServer):
    """From `full` on it refuses every call; counts them."""

    def __init__(self) -> None:
        super().__init__()
        self.full = False
        self.refused = 0

    async def call(self, call: Call, *, timeout_seconds: float) -> Tensors:
        if self.full:
            self.refused += 1
            raise OverloadedError("Threadpool Exhausted")
        return await super().call(call, timeout_seconds=timeout_seconds)


async def test_one_that_is_overloaded_is_left_alone_and_another_answers() -> None:
    full, idle = Overloaded(), FakeModelServer()
    async with gateway(AtAddresses(full=full, idle=idle)) as client:
        await until_on(client, 2)
        full.full = True
        statuses = []
        while not full.refused:
            statuses.append((await client.post("/predict", content=PNG)).status_code)
        statuses += [(await client.post("/predict", content=PNG)).status_code for _ in range(8)]
        metrics = (await client.get("/metrics")).text

    assert set(statuses) == {200}
    assert 'miwake_retries_total{model="toy",result="sent",version="1"}' in metrics
    assert 'miwake_refused_total{model="toy",reason="model_server",version="1"}' not in metrics


async def test_where_every_one_is_overloaded_a_request_is_refused_and_not_sent_twice() -> None:
    servers = [Overloaded(), Overloaded()]
    async with gateway(AtAddresses(a=servers[0], b=servers[1])) as client:
        await until_on(client, 2)
        for server in servers:
            server.full = True
        responses = [await client.post("/predict", content=PNG) for _ in range(2)]
        metrics = (await client.get("/metrics")).text

    assert [(r.status_code, r.json()["code"]) for r in responses] == [(503, "overloaded")] * 2
    assert sum(server.refused for server in servers) == 2  # the first request's two attempts
    assert 'miwake_refused_total{model="toy",reason="model_server",version="1"} 1.0' in metrics


async def test_a_lone_one_that_is_overloaded_costs_no_retry() -> None:
    server = Overloaded()
    async with gateway(server) as client:
        server.full = True
        response = await client.post("/predict", content=PNG)
        metrics = (await client.get("/metrics")).text

    assert (response.status_code, server.refused) == (503, 1)
    assert "miwake_retries_total{" not in metrics


async def test_a_name_that_cannot_be_looked_up_is_the_reason_for_not_being_ready() -> None:
    class Nowhere(AtAddresses):
        async def addresses(self) -> list[str]:
            raise ModelServerAwayError("the model server's address cannot be looked up")

    async with gateway(Nowhere(), ready=False) as client:
        await asyncio.sleep(0.1)
        response = await client.get("/readyz")

    assert response.status_code == 503
    assert "cannot be looked up" in response.json()["detail"]


async def test_a_failed_look_up_keeps_the_addresses_known() -> None:
    server = FakeModelServer()
    servers = AtAddresses(a=server)

    async def fail() -> list[str]:
        raise ModelServerAwayError("no name server")

    async with gateway(servers) as client:
        servers.addresses = fail  # type: ignore[method-assign]
        await asyncio.sleep(0.1)

        assert await version_and_label(client) == (1, "cat")
        await until_ready(client)


async def test_a_name_that_cannot_be_looked_up_is_told_to_the_log_alone(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with pytest.raises(ModelServerAwayError) as caught:
        await GrpcModelServers("nowhere.internal.invalid:8500").addresses()

    assert "invalid" not in str(caught.value)
    assert "nowhere.internal.invalid:8500" in caplog.text


async def test_an_error_nobody_thought_of_ends_neither_the_looking_nor_the_gateway() -> None:
    first, second = FakeModelServer(), FakeModelServer()
    servers = Stumbling(a=first)
    async with gateway(servers) as client:
        servers.stumbles = True
        await asyncio.sleep(0.1)
        servers.servers, servers.stumbles = {"a": first, "b": second}, False
        await until_on(client, 2)


async def test_at_the_end_one_that_still_finishes_what_it_was_given_is_closed_too() -> None:
    old, new = Closing(), FakeModelServer()
    servers = AtAddresses(old=old)
    async with gateway(servers) as client:
        old.predict_gate = asyncio.Event()
        request = asyncio.create_task(client.post("/predict", content=PNG))
        while not old.calls_in_flight:
            await asyncio.sleep(0.01)
        servers.servers = {"new": new}
        while not new.batches:  # of its self-test
            await asyncio.sleep(0.01)
        assert not old.closed

    await request
    assert old.closed


async def test_a_label_is_asked_of_one_that_may_answer_while_others_come() -> None:
    away, able = SlowLabels(), FakeModelServer()
    away.models = {}
    able.labels = {"toy": {"blue": 1}}
    async with gateway(AtAddresses(a=away, b=able)) as client:
        answered = await client.post("/predict", content=PNG, params={"version_label": "blue"})

    assert (answered.status_code, away.asked) == (200, 0)


class Stumbling(AtAddresses):
    """Ends a look in an error nobody thought of."""

    stumbles = False

    async def addresses(self) -> list[str]:
        if self.stumbles:
            raise RuntimeError("nobody thought of this")
        return await super().addresses()


class Closing(FakeModelServer):
    """Knows whether it was closed."""

    closed = False

    async def close(self) -> None:
        self.closed = True


class SlowLabels(FakeModelServer):
    """Counts who asks it for labels."""

    asked = 0

    async def version_of_label(self, model: str, label: str, *, timeout_seconds: float) -> int:
        self.asked += 1
        return await super().version_of_label(model, label, timeout_seconds=timeout_seconds)
