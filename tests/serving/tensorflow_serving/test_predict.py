"""Predictions by TensorFlow Serving's REST API as its clients ask for them."""

from __future__ import annotations

import base64
import json
from typing import Any

import numpy as np
import pytest

from modelserver.errors import OverloadedError
from modelserver.models_file import ModelEntry, ModelsFile
from modelserver.protocol import Call, Tensors
from tests.fake_model_server import FakeModelServer, FakeVersion, constant
from tests.manifests import golden, manifest
from tests.pictures import encoded
from tests.serving.gateway_client import gateway
from tests.serving.test_versions import until_answered_by

ENCODED = {"b64": base64.b64encode(encoded()).decode()}
PIXELS = np.random.default_rng(3).integers(0, 256, (2, 8, 8, 3)).tolist()
PREDICT = "/v1/models/toy:predict"
ROW = [0.7, 0.2, 0.1]


async def post(body: Any, path: str = PREDICT, *, server: FakeModelServer | None = None) -> Any:
    content = body if isinstance(body, bytes) else json.dumps(body)
    async with gateway(server or FakeModelServer()) as client:
        return await client.post(path, content=content)


@pytest.mark.parametrize(
    ("body", "answer"),
    [
        ({"instances": [ENCODED]}, {"predictions": [ROW]}),
        ({"instances": [{"images": ENCODED}] * 2}, {"predictions": [ROW] * 2}),
        ({"instances": PIXELS}, {"predictions": [ROW] * 2}),
        ({"instances": [{"images": PIXELS[0]}]}, {"predictions": [ROW]}),
        ({"instances": [{"images": PIXELS[0]}, {"images": ENCODED}]}, {"predictions": [ROW] * 2}),
        ({"inputs": PIXELS}, {"outputs": [ROW] * 2}),
        ({"inputs": [ENCODED]}, {"outputs": [ROW]}),
        ({"inputs": {"images": PIXELS}}, {"outputs": [ROW] * 2}),
        ({"inputs": {"images": [ENCODED, ENCODED]}}, {"outputs": [ROW] * 2}),
        ({"signature_name": "serving_default", "instances": PIXELS}, {"predictions": [ROW] * 2}),
        ({"signature_name": "", "instances": PIXELS}, {"predictions": [ROW] * 2}),
        ({"signature_name": "embed", "instances": PIXELS}, {"predictions": [[0.6, 0.8]] * 2}),
        ({"signature_name": "embed", "inputs": {"images": PIXELS}}, {"outputs": [[0.6, 0.8]] * 2}),
        ({"instances": PIXELS, "inputs": None, "parameters": {"x": 1}}, {"predictions": [ROW] * 2}),
    ],
)
async def test_row_and_column_form_are_answered_in_kind(body: Any, answer: Any) -> None:
    response = await post(body)

    assert (response.status_code, response.json()) == (200, answer)
    assert response.headers["content-type"] == "application/json"


async def test_pixels_reach_the_model_as_they_were_sent() -> None:
    seen: list[np.ndarray] = []

    def network(images: np.ndarray) -> np.ndarray:
        seen.append(images)
        return constant(*ROW)(images)

    server = FakeModelServer({"toy": {1: FakeVersion(network=network)}})
    await post({"instances": PIXELS}, server=server)

    sent = {np.array(image, dtype=np.uint8).tobytes() for image in PIXELS}
    assert sent <= {image.tobytes() for batch in seen for image in batch}


async def test_each_image_is_explained_for_its_own_class_and_keeps_its_place() -> None:
    server = FakeModelServer()
    rows = [{"images": PIXELS[index % 2], "class_index": index % 3} for index in range(5)]

    by_row = await post({"signature_name": "explain", "instances": rows}, server=server)
    columns = {"images": [row["images"] for row in rows], "class_index": [row["class_index"] for row in rows]}
    by_column = await post({"signature_name": "explain", "inputs": columns})

    predictions = by_row.json()["predictions"]
    assert [row["probabilities"] for row in predictions] == [ROW] * 5
    assert {index for call in server.class_indices for index in call} == {0, 1, 2}
    brightness = np.array(PIXELS[1]).mean(axis=2)
    np.testing.assert_allclose(predictions[3]["heatmaps"], brightness / brightness.max(), atol=1e-6)
    outputs = by_column.json()["outputs"]
    assert outputs.keys() == {"heatmaps", "probabilities"}
    assert outputs["heatmaps"] == [row["heatmaps"] for row in predictions]


class Unloading(FakeModelServer):
    """Unloads version 2 between two images of a request."""

    explained = 0

    async def call(self, call: Call, *, timeout_seconds: float) -> Tensors:
        if (call.signature, call.version) == ("explain", 2):
            self.explained += 1
            if self.explained > 1:
                self.models["toy"].pop(2, None)
        return await super().call(call, timeout_seconds=timeout_seconds)


async def test_all_classes_of_a_request_are_explained_by_one_version() -> None:
    newer = FakeVersion(manifest(golden=golden((0.1, 0.2, 0.7))))
    server = Unloading({"toy": {1: FakeVersion(), 2: newer}})
    rows = [{"images": PIXELS[0], "class_index": index} for index in (0, 1)]
    async with gateway(server) as client:
        await until_answered_by(client, 2)
        response = await client.post(PREDICT, json={"signature_name": "explain", "instances": rows})

    assert server.explained == 2
    assert [row["probabilities"] for row in response.json()["predictions"]] == [ROW] * 2


@pytest.mark.parametrize(
    ("body", "status", "text"),
    [
        (b"", 400, "empty"),
        (b"{", 400, "JSON"),
        (b"[1]", 400, "object"),
        ({}, 400, "exactly one"),
        ({"instances": PIXELS, "inputs": PIXELS}, 400, "exactly one"),
        ({"instances": []}, 400, "no image"),
        ({"inputs": {"images": []}}, 400, "no image"),
        ({"inputs": ENCODED}, 400, "not a list"),
        ({"instances": "x"}, 400, "not a list"),
        ({"instances": [7.5]}, 400, "whole"),
        ({"instances": [None]}, 400, "image 0"),
        ({"instances": ["text"]}, 400, "image 0"),
        ({"instances": [{"b64": 7}]}, 400, "image 0"),
        ({"instances": [{"b64": "***"}]}, 400, "base64"),
        ({"instances": [{"b64": "aGVsbG8="}]}, 400, "image 0: not an image"),
        ({"instances": [ENCODED, {"b64": "aGVsbG8="}]}, 400, "image 1: not an image"),
        ({"instances": [{"pixels": PIXELS[0]}]}, 400, "instances[0] has not exactly the inputs images"),
        ({"inputs": {"images": PIXELS, "more": [1]}}, 400, "inputs has not exactly"),
        ({"instances": [[[[1, 2, 3]]]]}, 400, "shape [1, 1, 3], not [8, 8, 3]"),
        ({"instances": [1, 2, 3]}, 400, "image 0"),
        ({"instances": [[[[256] * 3] * 8] * 8]}, 400, "above 255"),
        ({"instances": [[[[0.5] * 3] * 8] * 8]}, 400, "not whole"),
        ({"instances": [[[[-1] * 3] * 8] * 8]}, 400, "whole"),
        (b'{"instances": [[[[NaN, 1, 2]]]]}', 400, "NaN"),
        ({"instances": [[[[1, 2, 3]], [[1]]]]}, 400, "ragged"),
        ({"signature_name": "manifest", "instances": PIXELS}, 400, "'manifest'"),
        ({"signature_name": 7, "instances": PIXELS}, 400, "signature_name is not a string"),
        ({"signature_name": [1, 2], "instances": PIXELS}, 400, "signature_name is not a string"),
        ({"signature_name": [], "instances": PIXELS}, 400, "signature_name is not a string"),
        ({"signature_name": "explain", "instances": PIXELS}, 400, "class_index, images"),
        (
            {"signature_name": "explain", "instances": [{"images": PIXELS[0], "class_index": 3}]},
            400,
            "class_index 0 is not a whole number from 0 to 2",
        ),
        (
            {"signature_name": "explain", "instances": [{"images": PIXELS[0], "class_index": -1}]},
            400,
            "class_index 0",
        ),
        (
            {"signature_name": "explain", "instances": [{"images": PIXELS[0], "class_index": True}]},
            400,
            "class_index 0",
        ),
        (
            {"signature_name": "explain", "instances": [{"images": PIXELS[0], "class_index": 10**400}]},
            400,
            "class_index 0",
        ),
        (
            b'{"signature_name": "explain", "inputs": {"images": %s, "class_index": [1e999, 1e999]}}'
            % json.dumps(PIXELS).encode(),
            400,
            "class_index 0",
        ),
        ({"signature_name": "explain", "inputs": {"images": PIXELS, "class_index": [1]}}, 400, "each image"),
        ({"instances": [ENCODED] * 65}, 413, "more than 64 images"),
        ({"instances": [PIXELS[0]] * 65}, 413, "numbers"),
        ({"instances": [1, "x"] * 5000}, 413, "values"),
    ],
)
async def test_a_bad_body_is_told_in_one_line(body: Any, status: int, text: str) -> None:
    response = await post(body)

    assert response.status_code == status
    assert response.headers["content-type"] == "application/json"
    assert response.json().keys() == {"error"}
    assert text in response.json()["error"]


async def test_a_body_that_is_too_large_is_refused() -> None:
    async with gateway(FakeModelServer(), max_body_bytes=1000) as client:
        response = await client.post(PREDICT, json={"instances": PIXELS})

    assert (response.status_code, response.json()) == (413, {"error": "the body is larger than 1000 bytes"})


async def test_versions_and_labels_choose_who_answers() -> None:
    second = FakeVersion(manifest(golden=golden((0.1, 0.2, 0.7))), constant(0.1, 0.2, 0.7))
    server = FakeModelServer({"toy": {1: FakeVersion(), 2: second}})
    server.labels = {"toy": {"theirs": 1}}
    models = ModelsFile(default="toy", models={"toy": ModelEntry(aliases={"ours": 1})})
    body = {"instances": [ENCODED]}

    async with gateway(server, models=models) as client:
        newest = await client.post(PREDICT, json=body)
        others = [
            await client.post(f"/v1/models/toy/{which}:predict", json=body)
            for which in ("versions/1", "labels/ours", "labels/theirs")
        ]

    assert newest.json() == {"predictions": [[0.1, 0.2, 0.7]]}
    assert [other.json() for other in others] == [{"predictions": [ROW]}] * 3


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("POST", "/v1/models/nope:predict", 404),
        ("POST", "/v1/models/toy/versions/9:predict", 404),
        ("POST", "/v1/models/toy/labels/nope:predict", 404),
        ("POST", "/v1/models/toy/versions/one:predict", 400),
        ("POST", "/v1/models/toy/versions/99999999999999999999:predict", 400),
        ("POST", "/v1/models/toy:classify", 400),
        ("POST", "/v1/models/toy/versions/1:regress", 400),
        ("POST", "/v1/models/toy", 405),
        ("GET", PREDICT, 405),
        ("GET", "/v1/models/nope", 404),
        ("GET", "/v1/models/nope/metadata", 404),
        ("GET", "/v1/models/toy/versions/9", 404),
        ("GET", "/v1/models/toy/versions/9/metadata", 404),
        ("GET", "/v1/models/toy/labels/nope", 404),
        ("GET", "/v1/models/toy/labels/nope/metadata", 404),
        ("GET", "/v1/nothing", 404),
    ],
)
async def test_what_is_not_there_is_an_error_of_one_line(method: str, path: str, status: int) -> None:
    async with gateway(FakeModelServer()) as client:
        content = json.dumps({"instances": [ENCODED]}) if method == "POST" else None
        response = await client.request(method, path, content=content)

    assert response.status_code == status
    assert response.json().keys() == {"error"}


async def test_a_busy_model_server_gives_503_and_when_to_come_back() -> None:
    server = FakeModelServer()
    async with gateway(server) as client:
        server.predict_error = OverloadedError("full")
        response = await client.post(PREDICT, json={"instances": [ENCODED]})

    assert response.status_code == 503
    assert response.headers["retry-after"]
    assert response.json() == {"error": "full"}


async def test_the_clients_own_deadline_holds() -> None:
    async with gateway(FakeModelServer()) as client:
        headers = {"x-request-timeout": "0.000001"}
        response = await client.post(PREDICT, json={"instances": PIXELS}, headers=headers)

    assert response.status_code == 504


async def test_numbers_have_the_digits_of_float32() -> None:
    rows = np.array([[0.1, 1e-9, 0.899999]], dtype=np.float32)
    server = FakeModelServer({"toy": {1: FakeVersion(manifest(golden=golden((0.1, 0.0, 0.9))))}})
    server.models["toy"][1].network = constant(*rows[0])

    response = await post({"instances": [ENCODED]}, server=server)

    assert response.json() == {"predictions": [[0.1, 1e-09, 0.899999]]}
