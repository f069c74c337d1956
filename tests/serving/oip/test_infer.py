"""POST /v2/models/{model}/infer: tensors in, tensors out."""

from __future__ import annotations

import gzip
import zlib
from typing import Any

import numpy as np
import pytest

from serving.oip.outputs import EVERY
from tests.fake_model_server import FakeModelServer, FakeVersion
from tests.manifests import golden, manifest
from tests.pictures import encoded, picture
from tests.serving.gateway_client import gateway
from tests.serving.oip.asking import HEADER, INFER, PNG, binary, elements, infer, listed, output, pixels

OTHER_PNG = encoded(picture(30, 30, seed=90))


async def test_an_encoded_image_gets_its_label_and_the_id_comes_back() -> None:
    async with gateway(FakeModelServer()) as client:
        response = await infer(client, listed(PNG), id="job-7")

    assert response.status_code == 200
    answer = response.json()
    assert (answer["model_name"], answer["model_version"], answer["id"]) == ("toy", "1", "job-7")
    assert [(one["name"], one["datatype"], one["shape"]) for one in answer["outputs"]] == [
        ("probabilities", "FP32", [1, 3]),
        ("label", "BYTES", [1]),
        ("probability", "FP32", [1]),
    ]
    assert output(response, "label")["data"] == ["cat"]
    assert output(response, "probabilities")["data"] == pytest.approx([0.7, 0.2, 0.1])


async def test_the_answer_is_that_of_the_native_api() -> None:
    def network(images: np.ndarray) -> np.ndarray:
        bright = images.reshape(len(images), -1).mean(axis=1) / 255
        return np.stack([bright, 1 - bright, np.zeros(len(images))], axis=1).astype(np.float32)

    server = FakeModelServer()
    async with gateway(server) as client:
        server.models["toy"][1].network = network
        native = await client.post("/predict", files=[("image", ("a", PNG)), ("image", ("b", OTHER_PNG))])
        response = await infer(client, listed(PNG, OTHER_PNG))

    predictions = native.json()["predictions"]
    assert output(response, "label")["data"] == [one["label"] for one in predictions]
    probabilities = output(response, "probability")["data"]
    assert np.round(probabilities, 6).tolist() == [one["probability"] for one in predictions]


@pytest.mark.parametrize("shape", [[2], [2, 1]])
async def test_encoded_images_come_as_a_list_or_as_a_column(shape: list[int]) -> None:
    async with gateway(FakeModelServer()) as client:
        flat = await infer(client, listed(PNG, PNG) | {"shape": shape})
        as_bytes = await client.post(INFER, **binary(listed(PNG, PNG) | {"shape": shape}, elements(PNG, PNG)))

    assert output(flat, "label")["data"] == output(as_bytes, "label")["data"] == ["cat", "cat"]


async def test_a_column_may_be_nested() -> None:
    given = listed(PNG) | {"shape": [1, 1]}
    given["data"] = [given["data"]]

    async with gateway(FakeModelServer()) as client:
        assert output(await infer(client, given), "label")["data"] == ["cat"]


async def test_pixels_are_not_decoded_again_whether_flat_nested_or_as_bytes() -> None:
    seen = []

    def network(images: np.ndarray) -> np.ndarray:
        seen.append(images.copy())
        return np.tile(np.float32([0.7, 0.2, 0.1]), (len(images), 1))

    array = np.random.default_rng(1).integers(0, 256, (1, 8, 8, 3), dtype=np.uint8)
    flat = pixels() | {"data": array.ravel().tolist()}
    nested = pixels() | {"data": array.tolist()}
    server = FakeModelServer()
    async with gateway(server) as client:
        server.models["toy"][1].network = network
        for request in ({"json": {"inputs": [flat]}}, {"json": {"inputs": [nested]}}):
            assert (await client.post(INFER, **request)).status_code == 200
        assert (await client.post(INFER, **binary(flat, array.tobytes()))).status_code == 200

    assert all(np.array_equal(images, array) for images in seen)
    assert len(seen) == 3


async def test_outputs_come_in_the_order_asked_for_and_no_others() -> None:
    async with gateway(FakeModelServer()) as client:
        response = await infer(client, listed(PNG), outputs=[{"name": name} for name in reversed(EVERY)])

    assert [(one["name"], one["shape"]) for one in response.json()["outputs"]] == [
        ("heatmaps", [1, 8, 8]),
        ("embeddings", [1, 2]),
        ("probability", [1]),
        ("label", [1]),
        ("probabilities", [1, 3]),
    ]
    assert output(response, "embeddings")["data"] == pytest.approx([0.6, 0.8])


async def test_embeddings_alone_need_no_prediction() -> None:
    server = FakeModelServer()
    async with gateway(server) as client:
        server.batches.clear()
        response = await infer(client, listed(PNG), outputs=[{"name": "embeddings"}])

    assert output(response, "embeddings")["shape"] == [1, 2]


async def test_the_classification_extension_gives_the_best_as_text() -> None:
    asked = {"name": "probabilities", "parameters": {"classification": 2}}

    async with gateway(FakeModelServer()) as client:
        response = await infer(client, listed(PNG, PNG), outputs=[asked])

    classes = output(response, "probabilities")
    assert (classes["datatype"], classes["shape"]) == ("BYTES", [2, 2])
    assert classes["data"] == ["0.700000:0:cat", "0.200000:1:dog"] * 2


async def test_more_classes_than_there_are_gives_all_of_them() -> None:
    asked = {"name": "probabilities", "parameters": {"classification": 99}}

    async with gateway(FakeModelServer()) as client:
        response = await infer(client, listed(PNG), outputs=[asked])

    assert output(response, "probabilities")["shape"] == [1, 3]


async def test_outputs_asked_for_as_bytes_follow_the_json_in_order() -> None:
    asked = [
        {"name": "label", "parameters": {"binary_data": True}},
        {"name": "probability"},
        {"name": "probabilities", "parameters": {"binary_data": True}},
    ]
    async with gateway(FakeModelServer()) as client:
        response = await infer(client, listed(PNG), outputs=asked)

    length = int(response.headers[HEADER])
    raw = response.content[length:]
    assert response.headers["content-type"] == "application/octet-stream"
    assert raw[:7] == b"\x03\x00\x00\x00cat"
    assert np.frombuffer(raw[7:], "<f4") == pytest.approx([0.7, 0.2, 0.1])


async def test_binary_data_output_makes_all_outputs_bytes_but_those_that_say_otherwise() -> None:
    document: dict[str, Any] = {"parameters": {"binary_data_output": True}}

    async with gateway(FakeModelServer()) as client:
        every = await infer(client, listed(PNG), **document)
        document["outputs"] = [{"name": "label", "parameters": {"binary_data": False}}]
        listed_one = await infer(client, listed(PNG), **document)

    assert len(every.content) - int(every.headers[HEADER]) == 12 + 7 + 4
    assert HEADER not in listed_one.headers
    assert output(listed_one, "label")["data"] == ["cat"]


async def test_parameters_nobody_knows_are_passed_over() -> None:
    given = listed(PNG) | {"parameters": {"content_type": "base64", "deep": {"er": [1]}}}
    asked = {"name": "label", "parameters": {"colour": "red"}}

    async with gateway(FakeModelServer()) as client:
        response = await infer(client, given, outputs=[asked], parameters={"priority": 3}, more="of this")

    assert output(response, "label")["data"] == ["cat"]


@pytest.mark.parametrize(("coding", "compress"), [("gzip", gzip.compress), ("deflate", zlib.compress)])
async def test_a_compressed_body_is_taken(coding: str, compress: Any) -> None:
    request = binary(pixels(), bytes(192))
    async with gateway(FakeModelServer()) as client:
        response = await client.post(
            INFER,
            content=compress(request["content"]),
            headers=request["headers"] | {"Content-Encoding": coding},
        )

    assert output(response, "label")["data"] == ["cat"]


async def test_under_the_models_threshold_the_label_is_unknown() -> None:
    server = FakeModelServer({"toy": {1: FakeVersion(manifest(unknown_threshold=0.8))}})

    async with gateway(server) as client:
        response = await infer(client, listed(PNG))

    assert output(response, "label")["data"] == ["unknown"]


async def test_a_version_by_number_answers_though_it_is_not_the_newest() -> None:
    newer = manifest(labels=("x", "y", "z"), golden=golden((0.1, 0.2, 0.7)))
    server = FakeModelServer({"toy": {1: FakeVersion(), 2: FakeVersion(newer)}})
    body = {"inputs": [listed(PNG)]}

    async with gateway(server) as client:
        first = await client.post("/v2/models/toy/versions/1/infer", json=body)
        newest = await client.post(INFER, json=body)

    assert (first.json()["model_version"], output(first, "label")["data"]) == ("1", ["cat"])
    assert (newest.json()["model_version"], output(newest, "label")["data"]) == ("2", ["z"])
