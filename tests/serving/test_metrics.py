from __future__ import annotations

import re

from tests.fake_model_server import FakeModelServer, constant
from tests.pictures import encoded
from tests.serving.gateway_client import gateway


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

    counts = dict(re.findall(r'miwake_stage_duration_seconds_count\{stage="(\w+)"\} (\S+)', text))
    assert counts == {
        "receive": "2.0",
        "decode": "3.0",
        "queue": "2.0",
        "predict": counts["predict"],
        "respond": "2.0",
    }


async def test_images_rejections_predictions_and_top_probabilities_are_counted() -> None:
    text = await metrics_after_some_requests()

    assert 'miwake_images_total{model="toy"} 3.0' in text
    assert 'miwake_images_rejected_total{code="unsupported_format",model="toy"} 1.0' in text
    assert 'miwake_predictions_total{label="cat",model="toy",version="1"} 2.0' in text
    assert 'miwake_top_probability_bucket{le="0.7",model="toy",version="1"} 2.0' in text
    assert "miwake_requests_in_flight 1.0" in text
    assert 'miwake_model_ready{model="toy"} 1.0' in text


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
    assert 'miwake_images_total{model="toy"} 1.0' in text
