from __future__ import annotations

import asyncio
import re

import numpy as np
import pytest
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.openmetrics.parser import text_string_to_metric_families

from contract.errors import ImageUndecodableError
from modelserver.models_file import ModelEntry
from modelserver.predict import ModelVersion
from modelserver.protocol import VersionState
from serving.asking import Answer, Probabilities
from serving.telemetry.metrics import Metrics
from serving.telemetry.served_gauges import versions_there
from serving.versions.backends import Backends
from tests.fake_model_server import FakeModelServer, FakeVersion, constant
from tests.manifests import manifest
from tests.pictures import encoded
from tests.serving.gateway_client import AtAddresses, gateway, settings


async def metrics_after_some_requests() -> str:
    async with gateway(FakeModelServer()) as client:
        await client.post("/models/toy/predict", files=[("image", ("a", encoded()))] * 2)
        await client.post("/predict", content=b"text")
        await client.post("/models/../../etc/passwd/predict", content=b"text")
        await client.post("/models/unheard-of/predict", content=b"text")
        return (await client.get("/metrics")).text


async def test_requests_are_counted_by_route_status_model_and_version() -> None:
    text = await metrics_after_some_requests()

    labels = 'model="toy",route="/models/{model}/predict",status="200",version="1"'
    assert f"miwake_requests_total{{{labels}}} 1.0" in text
    assert f"miwake_request_duration_seconds_count{{{labels}}} 1.0" in text
    assert 'route="/predict",status="415"' in text


async def test_every_stage_is_measured() -> None:
    text = await metrics_after_some_requests()

    pattern = r'miwake_stage_duration_seconds_count\{model="toy",stage="(\w+)",version="(\d*)"\} (\S+)'
    counts = {(stage, version): float(count) for stage, version, count in re.findall(pattern, text)}
    calls = counts.pop(("predict", "1"))
    assert calls in {1, 2}  # the two images of the first request go together or not
    assert counts == {("receive", "1"): 2, ("decode", "1"): 3, ("queue", "1"): 2, ("respond", "1"): 2}


async def test_images_rejections_predictions_and_top_probabilities_are_counted() -> None:
    text = await metrics_after_some_requests()

    assert 'miwake_images_total{model="toy",version="1"} 3.0' in text
    assert 'miwake_images_rejected_total{code="unsupported_format",model="toy",version="1"} 1.0' in text
    assert 'miwake_predictions_total{label="cat",model="toy",version="1"} 2.0' in text
    assert 'miwake_top_probability_bucket{le="0.7",model="toy",version="1"} 2.0' in text
    assert "miwake_requests_in_flight 1.0" in text
    assert 'miwake_model_ready{model="toy",version="1"} 1.0' in text


async def test_labels_are_route_templates_and_known_models_only() -> None:
    text = await metrics_after_some_requests()

    assert "unheard-of" not in text
    assert "passwd" not in text


async def test_a_version_that_fails_is_named_and_its_images_are_counted() -> None:
    server = FakeModelServer()
    async with gateway(server) as client:
        server.models["toy"][1].network = constant(0.5, 0.5)
        await client.post("/predict", content=encoded())
        text = (await client.get("/metrics")).text

    assert 'miwake_requests_total{model="toy",route="/predict",status="502",version="1"} 1.0' in text
    assert 'miwake_images_total{model="toy",version="1"} 1.0' in text


OPEN_METRICS = "application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5"
TRACE = "0af7651916cd43dd8448eb211c80319c"


async def test_open_metrics_are_to_be_had_with_the_trace_of_each_buckets_last_request() -> None:
    async with gateway(FakeModelServer()) as client:
        headers = {"traceparent": f"00-{TRACE}-b7ad6b7169203331-00"}
        await client.post("/predict", content=encoded(), headers=headers)
        response = await client.get("/metrics", headers={"accept": OPEN_METRICS})

    assert response.headers["content-type"].startswith("application/openmetrics-text; version=1.0.0")
    families = {family.name: family for family in text_string_to_metric_families(response.text)}
    for name in ("request_duration_seconds", "stage_duration_seconds", "top_probability"):
        exemplars = [s.exemplar.labels for s in families[f"miwake_{name}"].samples if s.exemplar]
        assert {"trace_id": TRACE} in exemplars


@pytest.mark.parametrize(
    "accept",
    [
        "*/*",
        "text/plain",
        "application/openmetrics-text; version=nonsense",
        "application/openmetrics-text; version=2.9.9",
        "application/openmetrics-text; version=1.0.0-evil",
        "application/openmetrics-text; version",
        "text/plain; version=1.x",
        ",;=,",
    ],
)
async def test_who_asks_for_nothing_known_gets_plain_text(accept: str) -> None:
    async with gateway(FakeModelServer()) as client:
        response = await client.get("/metrics", headers={"accept": accept})

    assert (response.status_code, response.headers["content-type"]) == (
        200,
        "text/plain; version=0.0.4; charset=utf-8",
    )


async def test_the_reference_and_what_drifts_from_it_are_gauges_of_the_version() -> None:
    async with gateway(FakeModelServer()) as client:
        await client.post("/predict", content=encoded())
        text = (await client.get("/metrics")).text

    assert 'miwake_reference_label_share{label="cat",model="toy",version="1"} 0.5' in text
    assert 'miwake_drift_label_distance{model="toy",version="1"} 0.5' in text
    assert 'miwake_unknown_share{model="toy",version="1"} 0.0' in text


async def test_what_is_under_way_is_a_gauge_of_the_version() -> None:
    server = FakeModelServer()
    async with gateway(server) as client:
        server.predict_gate = asyncio.Event()
        asking = asyncio.create_task(client.post("/predict", content=encoded()))
        while not server.calls_in_flight:
            await asyncio.sleep(0.01)
        during = (await client.get("/metrics")).text
        server.predict_gate.set()
        await asking
        after = (await client.get("/metrics")).text

    assert 'miwake_images_in_flight{model="toy",version="1"} 1.0' in during
    assert 'miwake_calls_in_flight{model="toy",version="1"} 1.0' in during
    assert "miwake_requests_in_flight 2.0" in during
    assert 'miwake_images_in_flight{model="toy",version="1"} 0.0' in after
    assert 'miwake_calls_in_flight{model="toy",version="1"} 0.0' in after


def answer(target: ModelVersion) -> Answer[Probabilities]:
    return Answer(target, (np.array([0.7, 0.2, 0.1], dtype=np.float32), ImageUndecodableError("broken")))


def test_a_version_that_is_gone_leaves_no_series() -> None:
    registry = CollectorRegistry()
    metrics = Metrics(registry)
    for version in (1, 2):
        target = ModelVersion("toy", version, manifest())
        metrics.answered(answer(target))
        metrics.labelled(answer(target))
        with metrics.call(target, images=1):
            pass
    metrics.versions.there({("toy", "1"), ("toy", "2")}, now=0)
    metrics.versions.there({("toy", "2")}, now=10_000)

    text = generate_latest(registry).decode()
    assert 'version="1"' not in text
    assert 'miwake_predictions_total{label="cat",model="toy",version="2"} 1.0' in text


async def test_a_version_that_ended_is_not_there_though_the_model_server_speaks_of_it() -> None:
    server = FakeModelServer({"toy": {1: FakeVersion(), 2: FakeVersion()}})
    server.models["toy"][1].state = VersionState.END
    backends = Backends(AtAddresses(a=server), settings=settings(), metrics=Metrics(CollectorRegistry()))
    backends.follow({"toy": ModelEntry()})
    running = asyncio.create_task(backends.run())
    async with asyncio.timeout(5):
        while backends.not_ready_because("toy"):
            await backends.changes.wait()

    assert versions_there(backends, models=("toy",)) == {("toy", ""), ("toy", "2")}
    running.cancel()
    await asyncio.wait([running])
