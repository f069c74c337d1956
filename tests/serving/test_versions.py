"""Which version answers: only those that passed their self-test, always under their own labels."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from modelserver.errors import (
    VersionNotFoundError,
)
from modelserver.protocol import VersionState
from tests.fake_model_server import FakeModelServer, FakeVersion, constant
from tests.manifests import golden, manifest
from tests.pictures import encoded
from tests.serving.gateway_client import gateway, until_answered_by

PNG = encoded()
NEW_LABELS = ("red", "green", "blue")


def new_version(**changes: Any) -> FakeVersion:
    return FakeVersion(manifest(labels=NEW_LABELS, golden=golden((0.1, 0.8, 0.1)), **changes))


def broken_version() -> FakeVersion:
    return FakeVersion(manifest(labels=NEW_LABELS), constant(0.0, 0.0, 1.0))


async def version_and_label(client: Any, path: str = "/predict") -> tuple[int, str]:
    answer = (await client.post(path, content=PNG)).json()
    return answer["version"], answer["predictions"][0]["label"]


async def test_a_new_version_answers_under_its_own_labels() -> None:
    server = FakeModelServer()
    async with gateway(server) as client:
        before = await version_and_label(client)
        server.models["toy"][2] = new_version()
        await until_answered_by(client, 2)
        after = await version_and_label(client)

    assert (before, after) == ((1, "cat"), (2, "green"))


async def test_an_older_version_answers_when_asked_for() -> None:
    server = FakeModelServer({"toy": {1: FakeVersion(), 2: new_version()}})
    async with gateway(server) as client:
        await until_answered_by(client, 2)

        assert await version_and_label(client, "/predict?version=1") == (1, "cat")


async def test_a_version_that_fails_its_self_test_is_never_used_and_the_old_one_goes_on() -> None:
    server = FakeModelServer()
    async with gateway(server) as client:
        server.models["toy"][2] = broken_version()
        await asyncio.sleep(0.2)
        answer = await version_and_label(client)
        asked_for = await client.post("/predict?version=2", content=PNG)
        shown = (await client.get("/models/toy")).json()
        metrics = (await client.get("/metrics")).text

    assert answer == (1, "cat")
    assert (asked_for.status_code, asked_for.json()["code"]) == (502, "contract_broken")
    assert [(v["version"], v["self_test"]) for v in shown["versions"]] == [(2, "failed"), (1, "passed")]
    assert "probabilities differ" in shown["versions"][0]["detail"]
    assert 'miwake_self_tests_total{model="toy",result="failed",version="2"} 1.0' in metrics


async def test_an_only_version_that_fails_its_self_test_leaves_the_gateway_unready_with_the_reason() -> None:
    async with gateway(FakeModelServer({"toy": {1: broken_version()}}), ready=False) as client:
        await asyncio.sleep(0.1)
        ready = await client.get("/readyz")
        response = await client.post("/predict", content=PNG)

    assert ready.status_code == 503
    assert "golden examples" in ready.json()["detail"]
    assert (response.status_code, response.json()["code"]) == (502, "contract_broken")


async def test_a_version_that_could_not_be_loaded_is_said_so_without_the_model_servers_own_words() -> None:
    server = FakeModelServer()
    async with gateway(server) as client:
        server.models["toy"][2] = new_version()
        server.models["toy"][2].state = VersionState.END
        server.models["toy"][2].error = "/srv/models/toy/2 is broken"
        await asyncio.sleep(0.1)
        response = await client.get("/models/toy")
        metrics = (await client.get("/metrics")).text

    newest = response.json()["versions"][0]
    assert (newest["version"], newest["state"], newest["self_test"]) == (2, "END", "none")
    assert "could not load it" in newest["detail"]
    assert "/srv" not in response.text
    assert 'miwake_self_tests_total{model="toy",result="not_loaded",version="2"} 1.0' in metrics


async def test_a_version_still_loading_does_not_answer() -> None:
    server = FakeModelServer()
    async with gateway(server) as client:
        server.models["toy"][2] = new_version()
        server.models["toy"][2].state = VersionState.LOADING
        await asyncio.sleep(0.1)

        assert await version_and_label(client) == (1, "cat")
        assert (await client.post("/predict?version=2", content=PNG)).status_code == 404


async def test_a_request_waits_for_a_self_test_under_way() -> None:
    server = FakeModelServer()
    server.predict_gate = asyncio.Event()
    async with gateway(server, ready=False) as client:
        while not server.calls_in_flight:
            await asyncio.sleep(0.01)
        request = asyncio.create_task(client.post("/predict", content=PNG))
        await asyncio.sleep(0.1)
        assert not request.done()
        server.predict_gate.set()

        assert (await request).status_code == 200


async def test_a_request_that_waits_too_long_for_a_self_test_gets_503() -> None:
    server = FakeModelServer()
    server.predict_gate = asyncio.Event()
    async with gateway(server, ready=False, timeout_seconds=0.2) as client:
        await asyncio.sleep(0.05)
        response = await client.post("/predict", content=PNG)
        server.predict_gate.set()

    assert (response.status_code, response.json()["code"]) == (503, "model_server_away")


async def test_a_version_unloaded_between_resolving_and_calling_is_replaced_once() -> None:
    server = FakeModelServer({"toy": {1: FakeVersion(), 2: new_version()}})
    async with gateway(server, poll_seconds=60) as client:
        assert await version_and_label(client) == (2, "green")
        del server.models["toy"][2]

        assert await version_and_label(client) == (1, "cat")


async def test_a_version_asked_for_is_not_replaced_by_another() -> None:
    server = FakeModelServer({"toy": {1: FakeVersion(), 2: new_version()}})
    async with gateway(server, poll_seconds=60) as client:
        assert await version_and_label(client, "/predict?version=2") == (2, "green")
        del server.models["toy"][2]
        response = await client.post("/predict?version=2", content=PNG)

    assert (response.status_code, response.json()["code"]) == (404, "version_not_found")


@pytest.mark.parametrize("models", [{}, {"toy": {}}])
async def test_a_model_without_versions_is_unready_with_the_reason(models: Any) -> None:
    async with gateway(FakeModelServer(models), ready=False) as client:
        await asyncio.sleep(0.1)
        ready = await client.get("/readyz")
        response = await client.post("/predict", content=PNG)

    assert "no version" in ready.json()["detail"]
    assert response.status_code == 503


async def test_another_models_failure_is_its_own() -> None:
    server = FakeModelServer({"toy": {1: FakeVersion()}, "bad": {1: broken_version()}})
    async with gateway(server, models=("toy", "bad")) as client:
        good = await client.post("/predict", content=PNG)
        await asyncio.sleep(0.1)
        bad = await client.post("/models/bad/predict", content=PNG)
        ready = await client.get("/readyz")

    assert (good.status_code, bad.status_code, ready.status_code) == (200, 502, 200)


class UnreadableVersion(FakeVersion):
    """Its self-test ends in an error nobody thought of."""

    @property
    def manifest(self) -> Any:
        raise RuntimeError("nobody thought of this")

    @manifest.setter
    def manifest(self, _: Any) -> None:
        """Never kept."""

    def __init__(self) -> None:
        self.state = VersionState.AVAILABLE
        self.gate = None
        self.error = ""


async def test_an_unexpected_error_in_a_self_test_refuses_that_version_alone() -> None:
    server = FakeModelServer()
    async with gateway(server) as client:
        server.models["toy"][2] = UnreadableVersion()
        await asyncio.sleep(0.1)
        shown = (await client.get("/models/toy")).json()

        assert await version_and_label(client) == (1, "cat")
        assert [(v["version"], v["self_test"]) for v in shown["versions"]] == [(2, "failed"), (1, "passed")]


async def test_a_self_test_that_hangs_keeps_no_other_version_from_being_found() -> None:
    server = FakeModelServer({"toy": {1: FakeVersion()}})
    async with gateway(server) as client:
        server.models["toy"][2] = new_version()
        server.models["toy"][2].gate = asyncio.Event()
        await asyncio.sleep(0.1)
        server.models["toy"][3] = new_version()
        await until_answered_by(client, 3)


async def test_versions_that_come_and_go_are_no_fault_of_the_client() -> None:
    server = FakeModelServer()
    async with gateway(server, timeout_seconds=0.3) as client:
        server.predict_error = VersionNotFoundError("gone")
        response = await client.post("/predict", content=PNG)

    assert (response.status_code, response.json()["code"]) == (503, "model_server_away")


async def test_an_answer_of_an_unloaded_version_comes_within_the_deadline_even_if_self_tests_hang() -> None:
    server = FakeModelServer({"toy": {1: FakeVersion()}})
    async with gateway(server, timeout_seconds=0.3) as client:
        server.models["toy"][2] = new_version()
        server.models["toy"][2].gate = asyncio.Event()
        await asyncio.sleep(0.1)
        del server.models["toy"][1]
        async with asyncio.timeout(2):
            response = await client.post("/predict", content=PNG)

    assert response.status_code == 503


async def test_a_version_that_goes_during_its_self_test_does_not_answer_once_that_passes() -> None:
    server = FakeModelServer()
    async with gateway(server) as client:
        late = server.models["toy"][2] = new_version()
        late.gate = asyncio.Event()
        while not server.calls_in_flight:
            await asyncio.sleep(0.01)
        del server.models["toy"][2]
        async with asyncio.timeout(5):
            while server.calls_in_flight:  # its self-test is given up
                await asyncio.sleep(0.01)
        late.gate.set()
        await asyncio.sleep(0.1)

        assert await version_and_label(client) == (1, "cat")
        shown = (await client.get("/models/toy")).json()
    assert [version["version"] for version in shown["versions"]] == [1]
