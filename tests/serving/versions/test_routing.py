"""models.toml: which version answers."""

from __future__ import annotations

import asyncio
from collections import Counter
from pathlib import Path

import httpx
import pytest

from modelserver.models_file import ModelEntry, ModelsFile, Share, read_models_file
from serving.versions.routing import Routing
from tests.fake_model_server import FakeModelServer, FakeVersion
from tests.pictures import encoded
from tests.serving.gateway_client import gateway
from tests.serving.test_versions import broken_version

PNG = encoded()


SIDECAR = """
model = "legacy"
version = 3
classes = 2
labels_file = "labels.txt"
image = { height = 8, width = 8 }
input = { name = "pixels", scaling = "none" }
output = { name = "scores", kind = "probabilities" }
"""


def three_versions() -> FakeModelServer:
    return FakeModelServer({"toy": {number: FakeVersion() for number in (1, 2, 3)}})


def models_file(**entry: object) -> ModelsFile:
    return ModelsFile(default="toy", models={"toy": ModelEntry(**entry)})  # type: ignore[arg-type]


async def until_passed(client: httpx.AsyncClient, *versions: int) -> None:
    async with asyncio.timeout(5):
        while True:
            known = (await client.get("/models/toy")).json()["versions"]
            if set(versions) <= {v["version"] for v in known if v["self_test"] in {"passed", "failed"}}:
                return
            await asyncio.sleep(0.01)


async def answering(client: httpx.AsyncClient, **request: dict[str, str]) -> int:
    response = await client.post("/predict", content=PNG, **request)  # type: ignore[arg-type]
    assert response.status_code == 200, response.text
    version: int = response.json()["version"]
    return version


async def test_stable_answers_where_no_version_is_asked_for() -> None:
    async with gateway(three_versions(), models=models_file(aliases={"stable": 2})) as client:
        await until_passed(client, 1, 2, 3)

        assert await answering(client) == 2
        assert (await client.get("/models/toy")).json()["latest"] == 2


async def test_an_alias_is_asked_for_by_version_label() -> None:
    async with gateway(three_versions(), models=models_file(aliases={"stable": 2, "old": 1})) as client:
        await until_passed(client, 1, 2, 3)

        assert await answering(client, params={"version_label": "old"}) == 1


async def test_an_unknown_label_is_asked_of_the_model_server() -> None:
    server = three_versions()
    server.labels = {"toy": {"blue": 1}}
    async with gateway(server) as client:
        await until_passed(client, 1, 2, 3)
        unknown = await client.post("/predict", content=PNG, params={"version_label": "red"})

        assert await answering(client, params={"version_label": "blue"}) == 1
    assert (unknown.status_code, unknown.json()["code"]) == (404, "version_not_found")


async def test_a_version_and_a_label_exclude_each_other() -> None:
    async with gateway(three_versions(), models=models_file(aliases={"stable": 2})) as client:
        both = {"version": "1", "version_label": "stable"}
        response = await client.post("/predict", content=PNG, params=both)

    assert (response.status_code, response.json()["code"]) == (422, "invalid_parameter")


async def test_the_canary_gets_its_share_and_a_key_stays_with_its_version() -> None:
    entry = {"aliases": {"stable": 2, "canary": 3}, "canary": Share(alias="canary", percent=30)}
    async with gateway(three_versions(), models=models_file(**entry)) as client:
        await until_passed(client, 1, 2, 3)
        by_key = {
            key: {await answering(client, headers={"X-Routing-Key": key}) for _ in range(3)}
            for key in map(str, range(40))
        }

    assert all(len(versions) == 1 for versions in by_key.values())
    assert {version for versions in by_key.values() for version in versions} == {2, 3}


def test_keys_fall_into_the_share_as_often_as_it_says() -> None:
    entry = {"aliases": {"canary": 3}, "canary": Share(alias="canary", percent=10)}
    routing = Routing(models_file(**entry))

    drawn = Counter(routing.canary_version("toy", f"user-{n}") for n in range(10_000))

    assert 800 < drawn[3] < 1_200


async def test_a_canary_that_fails_its_self_test_gets_nothing() -> None:
    server = three_versions()
    server.models["toy"][3] = broken_version()
    entry = {"aliases": {"stable": 2, "canary": 3}, "canary": Share(alias="canary", percent=100)}
    async with gateway(server, models=models_file(**entry)) as client:
        await until_passed(client, 2, 3)

        assert {await answering(client) for _ in range(5)} == {2}


async def test_a_stable_that_is_not_served_is_not_ready_and_not_the_clients_fault() -> None:
    async with gateway(three_versions(), models=models_file(aliases={"stable": 9}), ready=False) as client:
        await until_passed(client, 1, 2, 3)
        ready = await client.get("/readyz")
        response = await client.post("/predict", content=PNG)

    assert (ready.status_code, response.status_code) == (503, 503)
    assert "version 9" in ready.json()["detail"]


@pytest.mark.parametrize("promoted", [3, 9], ids=["fails its self-test", "is not there yet"])
async def test_until_what_was_promoted_may_answer_the_one_before_does(promoted: int) -> None:
    server = three_versions()
    server.models["toy"][3] = broken_version()
    aliases = {"stable": promoted, "previous": 2}
    async with gateway(server, models=models_file(aliases=aliases)) as client:
        await until_passed(client, 1, 2, 3)
        ready = await client.get("/readyz")

        assert (ready.status_code, await answering(client)) == (200, 2)


async def test_with_neither_stable_nor_the_one_before_a_request_waits_for_a_self_test() -> None:
    server = FakeModelServer({"toy": {1: FakeVersion(), 2: FakeVersion()}})
    server.models["toy"][2].gate = asyncio.Event()
    aliases = {"stable": 9, "previous": 2}
    async with gateway(server, models=models_file(aliases=aliases), ready=False) as client:
        await until_passed(client, 1)
        request = asyncio.create_task(client.post("/predict", content=PNG))
        await asyncio.sleep(0.1)
        assert not request.done()
        server.models["toy"][2].gate.set()

        assert (await request).json()["version"] == 2


async def test_who_asks_for_no_model_learns_of_no_other() -> None:
    async with gateway(three_versions()) as client:
        response = await client.post("/models/other/predict", content=PNG)

    assert response.status_code == 404
    assert "toy" not in response.text


@pytest.mark.parametrize("broken", ["default = ", 'default = "other"\n[models.toy]\n', "x = " + "[" * 3_000])
async def test_the_file_is_read_again_and_a_broken_one_changes_nothing(tmp_path: Path, broken: str) -> None:
    path = tmp_path / "models.toml"
    path.write_text('default = "toy"\n[models.toy]\naliases = { stable = 1 }\n')
    routing = Routing(read_models_file(path), path=path)

    path.write_text(broken)
    assert not routing.read_again()
    assert routing.stable_versions("toy") == (1,)

    path.write_text('default = "toy"\n[models.toy]\naliases = { stable = 22 }\n')
    assert routing.read_again()
    assert routing.stable_versions("toy") == (22,)
    assert not routing.read_again()


def test_a_broken_file_is_logged_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = tmp_path / "models.toml"
    path.write_text('default = "toy"\n[models.toy]\n')
    routing = Routing(read_models_file(path), path=path)
    path.write_text("default = ")

    for _ in range(3):
        routing.read_again()

    assert len(caplog.records) == 1


@pytest.mark.parametrize("edited", ["legacy.toml", "labels.txt"])
def test_a_sidecar_that_is_edited_is_seen_and_so_is_what_it_names(tmp_path: Path, edited: str) -> None:
    path = tmp_path / "models.toml"
    path.write_text('default = "legacy"\n[models.legacy]\nsidecar = "legacy.toml"\n')
    (tmp_path / "legacy.toml").write_text(SIDECAR)
    (tmp_path / "labels.txt").write_text("cat\ndog\n")
    routing = Routing(read_models_file(path), path=path)
    assert not routing.read_again()

    file = tmp_path / edited
    file.write_text(file.read_text().replace("8", "9").replace("dog", "owl"))

    assert routing.read_again()
