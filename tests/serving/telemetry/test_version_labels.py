"""Every series about a model has a version: the one that answers, would have answered, or was tested."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path

import httpx
import pytest
from prometheus_client import CollectorRegistry, generate_latest

from contract.errors import ContractBrokenError
from modelserver.models_file import ModelEntry, ModelsFile, Share
from modelserver.predict import ModelVersion
from serving.callers.new_keys import Allowance, add_key
from serving.load.refusal import Refusal
from serving.request_state import RequestState
from serving.telemetry.metrics import Metrics
from serving.telemetry.observation import Observation
from serving.telemetry.tracing import PassingTracer
from tests.fake_model_server import FakeModelServer, FakeVersion
from tests.manifests import manifest
from tests.pictures import encoded
from tests.serving.gateway_client import gateway

PNG = encoded()
OF_A_MODEL = re.compile(r"^miwake_\w+\{.*model=\"\w+\".*\}", re.MULTILINE)


async def series(client: httpx.AsyncClient, name: str) -> list[str]:
    text = (await client.get("/metrics")).text
    return [line for line in text.splitlines() if line.startswith(f"{name}{{")]


def two_versions(**entry: object) -> tuple[FakeModelServer, ModelsFile]:
    server = FakeModelServer({"toy": {1: FakeVersion(), 2: FakeVersion()}})
    return server, ModelsFile(default="toy", models={"toy": ModelEntry(**entry)})  # type: ignore[arg-type]


async def test_no_series_of_a_model_lacks_a_version() -> None:
    server, models = two_versions(aliases={"stable": 1, "next": 2}, shadow=Share(alias="next", percent=100))
    async with gateway(server, models=models, max_predicted_images=1) as client:
        await client.post("/predict", content=PNG)
        await client.get("/models/toy")
        await client.get("/v2/models/toy")
        server.predict_gate = asyncio.Event()
        waiting = asyncio.create_task(client.post("/predict", content=PNG))
        while not server.calls_in_flight:
            await asyncio.sleep(0.01)
        refused = await client.post("/predict", content=PNG)
        server.predict_gate.set()
        await waiting
        text = (await client.get("/metrics")).text

    found = OF_A_MODEL.findall(text)
    assert refused.status_code == 503
    assert len(found) > 50
    assert [line for line in found if not re.search(r'version="\d+"', line)] == []


@pytest.mark.parametrize(
    ("asked", "version"),
    [
        ({}, "1"),
        ({"params": {"version": "2"}}, "2"),
        ({"params": {"version_label": "next"}}, "2"),
        ({"params": {"version": "9"}}, ""),
        ({"params": {"version_label": "unheard-of"}}, ""),
    ],
)
async def test_a_refused_request_counts_for_the_version_that_would_have_answered(
    asked: dict[str, dict[str, str]], version: str
) -> None:
    server, models = two_versions(aliases={"stable": 1, "next": 2})
    async with gateway(server, models=models, max_requests_in_flight=1) as client:
        while len(await series(client, "miwake_model_ready")) < 2:
            await asyncio.sleep(0.01)
        server.predict_gate = asyncio.Event()
        waiting = asyncio.create_task(client.post("/predict", content=PNG))
        while not server.calls_in_flight:
            await asyncio.sleep(0.01)
        refused = await client.post("/models/toy/predict", content=PNG, **asked)  # type: ignore[arg-type]
        server.predict_gate.set()
        await waiting
        counted = await series(client, "miwake_refused_total")

    assert refused.status_code == 503
    assert counted == [f'miwake_refused_total{{model="toy",reason="requests",version="{version}"}} 1.0']


async def test_images_of_a_canarys_share_are_received_by_the_canary() -> None:
    server, models = two_versions(aliases={"stable": 1, "next": 2}, canary=Share(alias="next", percent=100))
    async with gateway(server, models=models) as client:
        while len(await series(client, "miwake_model_ready")) < 2:
            await asyncio.sleep(0.01)
        response = await client.post("/predict", content=PNG)
        received = await series(client, "miwake_images_total")
        stages = await series(client, "miwake_stage_duration_seconds_count")

    assert response.json()["version"] == 2
    assert received == ['miwake_images_total{model="toy",version="2"} 1.0']
    assert all('version="2"' in line for line in stages)


async def test_a_canary_that_passed_does_not_make_its_model_ready() -> None:
    server, models = two_versions(aliases={"stable": 9, "next": 2}, canary=Share(alias="next", percent=1))
    async with gateway(server, models=models, ready=False) as client:
        async with asyncio.timeout(5):
            while 'miwake_model_ready{model="toy",version="2"} 1.0' not in (
                ready := await series(client, "miwake_model_ready")
            ):
                await asyncio.sleep(0.01)
        probe = await client.get("/readyz")

    assert probe.status_code == 503
    assert 'miwake_model_ready{model="toy",version=""} 0.0' in ready


async def test_images_that_no_version_could_answer_count_without_one() -> None:
    server = FakeModelServer()
    server.versions_error = ContractBrokenError("nothing to be had")
    async with gateway(server, ready=False, timeout_seconds=0.2) as client:
        response = await client.post("/predict", content=PNG)
        received = await series(client, "miwake_images_total")
        ready = await series(client, "miwake_model_ready")

    assert response.status_code == 503
    assert received == ['miwake_images_total{model="toy",version=""} 1.0']
    assert ready == ['miwake_model_ready{model="toy",version=""} 0.0']


async def test_a_request_refused_at_the_door_has_its_route(tmp_path: Path) -> None:
    keys_file = tmp_path / "keys.toml"
    key = add_key(keys_file, "shop", Allowance(requests_per_second=0.01, burst=1))
    async with gateway(FakeModelServer(), keys_file=keys_file) as client:
        for method, path in (("POST", "/models/toy/predict"), ("GET", "/predict"), ("GET", "/nowhere/2")):
            await client.request(method, path)
        await client.post("/v1/models/toy/versions/1:predict")
        for _ in range(2):
            await client.get("/models", headers={"X-API-Key": key})
        client.headers["X-API-Key"] = add_key(keys_file, "other", Allowance())
        async with asyncio.timeout(5):
            while not (counted := await series(client, "miwake_requests_total")):
                await asyncio.sleep(0.1)

    refused = {re.search(r'route="(.*?)",status="(4\d\d)"', line) for line in counted}
    assert {found.groups() for found in refused if found} >= {
        ("/models/{model}/predict", "401"),
        ("/predict", "401"),
        ("unrouted", "401"),
        ("/v1/models/{model}/versions/{version}:predict", "401"),
        ("/models", "429"),
    }


async def test_a_version_that_is_gone_leaves_no_series_of_any_instrument() -> None:
    registry = CollectorRegistry()
    metrics = Metrics(registry)
    target = ModelVersion("toy", 1, manifest())
    for version in ("1", ""):
        state = RequestState(request_id="a", model="toy", version=version)
        observed = Observation(state, metrics=metrics, tracer=PassingTracer(), traceparents=())
        metrics.received("toy", version, images=1)
        metrics.count_refused(Refusal.IMAGES)
        observed.end(method="POST", route="/predict", status=503, client="")
    metrics.retried(target, "sent")
    metrics.self_tested("toy", 1, "passed")
    metrics.shadow.dropped.labels("toy", "1", "2", "busy").inc()
    metrics.versions.there({("toy", ""), ("toy", "1")}, now=0)
    before = OF_A_MODEL.findall(generate_latest(registry).decode())
    metrics.versions.there((), now=10_000)

    assert len(before) > 20
    assert OF_A_MODEL.findall(generate_latest(registry).decode()) == []
