"""POST /predict: bodies in, labels or problems out."""

from __future__ import annotations

import asyncio
import base64
from typing import Any

import pytest

from modelserver.errors import ModelServerAwayError, OverloadedError
from tests.fake_model_server import FakeModelServer, FakeVersion, constant
from tests.manifests import golden, manifest
from tests.pictures import encoded, picture, png_header_only
from tests.serving.gateway_client import gateway

PNG = encoded()
JPEG = encoded(picture(), "JPEG")


def b64(data: bytes = PNG) -> str:
    return base64.b64encode(data).decode()


async def post(path: str = "/predict", *, server: FakeModelServer | None = None, **request: Any) -> Any:
    async with gateway(server or FakeModelServer()) as client:
        return await client.post(path, **request)


async def test_a_multipart_image_gets_its_label() -> None:
    response = await post(files=[("image", ("cat.png", PNG))])

    assert response.status_code == 200
    answer = response.json()
    assert answer.pop("request_id") == response.headers["x-request-id"]
    assert answer == {
        "model": "toy",
        "version": 1,
        "predictions": [
            {
                "name": "cat.png",
                "label": "cat",
                "probability": 0.7,
                "top": [
                    {"label": "cat", "probability": 0.7},
                    {"label": "dog", "probability": 0.2},
                    {"label": "owl", "probability": 0.1},
                ],
            }
        ],
    }


@pytest.mark.parametrize("media_type", ["image/png", "image/jpeg", "application/octet-stream", ""])
async def test_a_raw_body_gets_its_label(media_type: str) -> None:
    response = await post(content=JPEG, headers={"content-type": media_type})

    assert response.json()["predictions"][0]["label"] == "cat"


@pytest.mark.parametrize(
    "text",
    [
        b64(),
        b64().rstrip("="),
        base64.urlsafe_b64encode(PNG).decode(),
    ],
    ids=["standard", "unpadded", "url-safe"],
)
async def test_json_takes_both_base64_alphabets(text: str) -> None:
    response = await post(json={"images": [{"b64": text, "name": "mine"}, {"b64": text}]})

    assert [item["name"] for item in response.json()["predictions"]] == ["mine", None]


async def test_answers_come_in_the_order_sent() -> None:
    names = [f"{index}.png" for index in range(20)]

    response = await post(files=[("image", (name, PNG)) for name in names])

    assert [item["name"] for item in response.json()["predictions"]] == names


async def test_a_bad_image_among_good_ones_fails_alone() -> None:
    response = await post(
        files=[("image", ("a", PNG)), ("image", ("b", b"text")), ("image", ("c", PNG[:80]))]
    )

    assert response.status_code == 200
    first, second, third = response.json()["predictions"]
    assert first["label"] == "cat"
    assert second["error"]["code"] == "unsupported_format"
    assert third["error"]["code"] == "image_undecodable"


async def test_when_all_images_fail_the_first_ones_status_and_all_errors_come_back() -> None:
    response = await post(files=[("image", ("a", PNG[:80])), ("image", ("b", b"text"))])

    assert response.status_code == 422
    assert response.headers["content-type"] == "application/problem+json"
    assert response.json()["code"] == "image_undecodable"
    assert [item["name"] for item in response.json()["errors"]] == ["a", "b"]


async def test_top_k_limits_the_candidates() -> None:
    response = await post("/predict?top_k=1", content=PNG)

    assert len(response.json()["predictions"][0]["top"]) == 1


async def test_under_the_models_threshold_the_label_is_unknown() -> None:
    server = FakeModelServer({"toy": {1: FakeVersion(manifest(unknown_threshold=0.8))}})

    response = await post(server=server, content=PNG)

    prediction = response.json()["predictions"][0]
    assert (prediction["label"], prediction["top"][0]["label"]) == ("unknown", "cat")


@pytest.mark.parametrize(
    ("request_body", "status", "code"),
    [
        ({"content": b""}, 400, "malformed_body"),
        ({"files": [("other", ("a", PNG))]}, 400, "malformed_body"),
        ({"files": [("image", ("a", b""))]}, 400, "malformed_body"),
        (
            {"content": b"--x\r\n", "headers": {"content-type": "multipart/form-data; boundary=x"}},
            400,
            "malformed_body",
        ),
        (
            {"content": b"junk", "headers": {"content-type": "multipart/form-data; boundary=x"}},
            400,
            "malformed_body",
        ),
        ({"content": PNG, "headers": {"content-type": "multipart/form-data"}}, 400, "malformed_body"),
        ({"content": b"{", "headers": {"content-type": "application/json"}}, 400, "malformed_body"),
        ({"json": {"images": []}}, 400, "malformed_body"),
        ({"json": {"images": [{"b64": "***"}]}}, 400, "malformed_body"),
        ({"json": {"images": [{"b64": ""}]}}, 400, "malformed_body"),
        ({"json": {"images": [{"url": "http://169.254.169.254/"}]}}, 422, "url_refused"),
        ({"json": [1]}, 400, "malformed_body"),
        ({"content": b"hello", "headers": {"content-type": "text/plain"}}, 415, "unsupported_format"),
        (
            {"content": b"text renamed .jpg", "headers": {"content-type": "image/jpeg"}},
            415,
            "unsupported_format",
        ),
        ({"content": JPEG[: len(JPEG) // 2]}, 422, "image_undecodable"),
        ({"content": png_header_only(30_000, 30_000)}, 413, "too_many_pixels"),
    ],
)
async def test_a_bad_body_gets_a_problem_with_its_code(
    request_body: dict[str, Any], status: int, code: str
) -> None:
    response = await post(**request_body)

    problem = response.json()
    assert (response.status_code, problem["code"]) == (status, code)
    assert response.headers["content-type"] == "application/problem+json"
    assert problem["status"] == status
    assert problem["detail"]
    assert problem["request_id"] == response.headers["x-request-id"]


@pytest.mark.parametrize(
    ("path", "status", "code"),
    [
        ("/predict?top_k=0", 422, "invalid_parameter"),
        ("/predict?top_k=many", 422, "invalid_parameter"),
        ("/predict?version=-1", 422, "invalid_parameter"),
        ("/predict?version=7", 404, "version_not_found"),
        ("/models/nope/predict", 404, "model_not_found"),
        ("/nowhere", 404, "not_found"),
        ("/livez", 405, "method_not_allowed"),
    ],
)
async def test_a_bad_path_or_parameter_gets_a_problem_with_its_code(
    path: str, status: int, code: str
) -> None:
    response = await post(path, content=PNG)

    assert (response.status_code, response.json()["code"]) == (status, code)
    assert response.headers["content-type"] == "application/problem+json"


async def test_a_model_server_that_is_away_gives_503_and_when_to_come_back() -> None:
    server = FakeModelServer()
    async with gateway(server) as client:
        server.predict_error = ModelServerAwayError("away")
        response = await client.post("/predict", content=PNG)

    assert (response.status_code, response.json()["code"]) == (503, "model_server_away")
    assert response.headers["retry-after"] == "1"


async def test_an_overloaded_model_server_gives_503_and_stays_ready() -> None:
    server = FakeModelServer()
    async with gateway(server) as client:
        server.predict_error = OverloadedError("full")
        response = await client.post("/predict", content=PNG)
        ready = await client.get("/readyz")

    assert (response.status_code, response.json()["code"]) == (503, "overloaded")
    assert ready.status_code == 200


async def test_a_model_that_breaks_its_contract_gives_502() -> None:
    server = FakeModelServer()
    async with gateway(server) as client:
        server.models["toy"][1].network = constant(0.5, 0.5)
        response = await client.post("/predict", content=PNG)

    assert (response.status_code, response.json()["code"]) == (502, "contract_broken")


async def test_an_answer_that_takes_too_long_gives_504() -> None:
    server = FakeModelServer()
    async with gateway(server, timeout_seconds=0.1) as client:
        server.predict_gate = asyncio.Event()
        response = await client.post("/predict", content=PNG)

    assert (response.status_code, response.json()["code"]) == (504, "deadline_exceeded")


async def test_an_unexpected_error_gives_500_without_its_text() -> None:
    def broken(images: Any) -> Any:
        raise RuntimeError(f"/srv/secret {len(images)}")

    server = FakeModelServer()
    async with gateway(server) as client:
        server.models["toy"][1].network = broken
        response = await client.post("/predict", content=PNG)

    assert (response.status_code, response.json()["code"]) == (500, "internal")
    assert "secret" not in response.text


async def test_the_request_id_of_the_client_comes_back_where_it_is_safe() -> None:
    async with gateway(FakeModelServer()) as client:
        given = await client.post("/predict", content=PNG, headers={"x-request-id": "job-7.3"})
        unsafe = await client.post("/predict", content=PNG, headers={"x-request-id": "a b<script>"})

    assert given.json()["request_id"] == "job-7.3"
    assert "script" not in unsafe.json()["request_id"]


async def test_a_second_model_answers_under_its_name() -> None:
    other = manifest(name="other", labels=("x", "y", "z"), golden=golden((0.1, 0.2, 0.7)))
    server = FakeModelServer({"toy": {1: FakeVersion()}, "other": {5: FakeVersion(other)}})

    async with gateway(server, models=("toy", "other")) as client:
        response = await client.post("/models/other/predict", content=PNG)

    assert (response.json()["version"], response.json()["predictions"][0]["label"]) == (5, "z")
