"""POST /models/{model}/explain and /embed."""

from __future__ import annotations

import base64
import io
from typing import Any

import numpy as np
import pytest
from PIL import Image

from modelserver.models_file import ModelEntry, ModelsFile
from tests.fake_model_server import FakeModelServer, FakeVersion, constant
from tests.manifests import golden, manifest
from tests.pictures import encoded, picture
from tests.serving.gateway_client import gateway, until_answered_by

PNG = encoded()


async def post(path: str, *, server: FakeModelServer | None = None, **request: Any) -> Any:
    async with gateway(server or FakeModelServer()) as client:
        return await client.post(f"/models/toy{path}", **request)


async def test_an_explanation_is_of_the_best_label_and_shows_a_picture() -> None:
    response = await post("/explain", files=[("image", ("a.png", PNG))])

    assert response.status_code == 200
    answer = response.json()
    assert (answer["model"], answer["version"]) == ("toy", 1)
    assert answer["request_id"] == response.headers["x-request-id"]
    (item,) = answer["explanations"]
    assert (item["name"], item["label"], item["probability"], item["heatmap"]) == ("a.png", "cat", 0.7, None)
    with Image.open(io.BytesIO(base64.b64decode(item["overlay"]))) as overlay:
        assert (overlay.format, overlay.size) == ("PNG", (384, 384))


async def test_a_label_asked_for_is_explained() -> None:
    server = FakeModelServer()
    response = await post("/explain?label=owl", server=server, content=PNG)

    assert response.json()["explanations"][0]["label"] == "owl"
    assert response.json()["explanations"][0]["probability"] == 0.1
    assert server.class_indices == [[2]]


async def test_numbers_are_given_where_they_are_asked_for() -> None:
    response = await post("/explain?form=numbers", content=PNG)

    (item,) = response.json()["explanations"]
    heatmap = np.array(item["heatmap"])
    assert heatmap.shape == (8, 8)
    assert heatmap.max() == 1
    assert item["overlay"] is None


async def test_a_png_is_the_answer_where_the_client_would_rather_have_it() -> None:
    response = await post("/explain?label=dog", content=PNG, headers={"accept": "image/png"})

    assert response.headers["content-type"] == "image/png"
    with Image.open(io.BytesIO(response.content)) as overlay:
        overlay.load()
        assert overlay.text["label"] == "dog"


async def test_a_png_is_of_one_image() -> None:
    response = await post("/explain", files=[("image", ("a", PNG))] * 2, headers={"accept": "image/png"})

    assert (response.status_code, response.json()["code"]) == (422, "invalid_parameter")


async def test_a_png_of_a_bad_image_is_a_problem() -> None:
    response = await post("/explain", content=b"text", headers={"accept": "image/png"})

    assert (response.status_code, response.json()["code"]) == (415, "unsupported_format")
    assert response.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize("path", ["/explain", "/explain?form=numbers", "/embed"])
async def test_a_bad_image_among_good_ones_fails_alone(path: str) -> None:
    response = await post(path, files=[("image", ("a", PNG)), ("image", ("b", b"text"))])

    assert response.status_code == 200
    answer = response.json()
    good, bad = answer.get("explanations") or answer["embeddings"]
    assert "error" not in good
    assert (bad["name"], bad["error"]["code"]) == ("b", "unsupported_format")


@pytest.mark.parametrize("path", ["/explain", "/embed"])
async def test_when_all_images_fail_the_answer_is_a_problem(path: str) -> None:
    response = await post(path, files=[("image", ("a", PNG[:80])), ("image", ("b", b"text"))])

    assert (response.status_code, response.json()["code"]) == (422, "image_undecodable")
    assert [item["name"] for item in response.json()["errors"]] == ["a", "b"]


async def test_an_embedding_has_the_digits_of_float32() -> None:
    response = await post("/embed", json={"images": [{"b64": base64.b64encode(PNG).decode(), "name": "x"}]})

    assert response.json()["embeddings"] == [{"name": "x", "embedding": [0.6, 0.8]}]


@pytest.mark.parametrize(
    ("path", "status", "code"),
    [
        ("/explain?label=zebra", 422, "invalid_parameter"),
        ("/explain?form=poem", 422, "invalid_parameter"),
        ("/explain?version=7", 404, "version_not_found"),
        ("/embed?version=7", 404, "version_not_found"),
        ("/embed?version_label=nope", 404, "version_not_found"),
        ("/embed?version=1&version_label=stable", 422, "invalid_parameter"),
    ],
)
async def test_a_bad_parameter_gets_a_problem_with_its_code(path: str, status: int, code: str) -> None:
    response = await post(path, content=PNG)

    assert (response.status_code, response.json()["code"]) == (status, code)


@pytest.mark.parametrize("path", ["/predict", "/explain", "/embed"])
async def test_an_alias_chooses_the_version(path: str) -> None:
    second = FakeVersion(manifest(golden=golden((0.1, 0.2, 0.7))), constant(0.1, 0.2, 0.7))
    server = FakeModelServer({"toy": {1: FakeVersion(), 2: second}})
    models = ModelsFile(default="toy", models={"toy": ModelEntry(aliases={"previous": 1})})

    async with gateway(server, models=models) as client:
        await until_answered_by(client, 2)
        newest = await client.post(f"/models/toy{path}", content=PNG)
        previous = await client.post(f"/models/toy{path}?version_label=previous", content=PNG)
        by_number = await client.post(f"/models/toy{path}?version=1", content=PNG)

    assert [response.json()["version"] for response in (newest, previous, by_number)] == [2, 1, 1]


@pytest.mark.parametrize(
    ("path", "close"),
    [
        ("/predict?topk=3", "'top_k'"),
        ("/models/toy/predict?versoin=3", "'version'"),
        ("/models/toy/explain?lable=cat", "'label'"),
        ("/models/toy/embed?q=1", "'q'"),
    ],
)
async def test_a_misspelt_parameter_is_refused(path: str, close: str) -> None:
    async with gateway(FakeModelServer()) as client:
        response = await client.post(path, content=PNG)

    assert (response.status_code, response.json()["code"]) == (422, "invalid_parameter")
    assert close in response.json()["detail"]


async def test_models_takes_no_parameters() -> None:
    async with gateway(FakeModelServer()) as client:
        response = await client.get("/models?page=2")

    assert response.status_code == 422


async def test_the_overlay_shows_the_image_as_the_model_saw_it() -> None:
    red = encoded(picture(30, 30).point(lambda value: value // 2))

    response = await post("/explain", content=red, headers={"accept": "image/png"})

    with Image.open(io.BytesIO(response.content)) as overlay:
        assert overlay.size == (384, 384)  # 8x8, enlarged: not the 30x30 that was sent
