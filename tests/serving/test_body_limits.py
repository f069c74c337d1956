"""What one request may carry, and what happens to one that carries more."""

from __future__ import annotations

import asyncio
import base64
from typing import Any

import pytest

from tests.fake_model_server import FakeModelServer
from tests.pictures import encoded
from tests.serving.gateway_client import gateway

PNG = encoded()
B64 = base64.b64encode(PNG).decode()


async def post(**request: Any) -> Any:
    async with gateway(FakeModelServer()) as client:
        return await client.post("/predict", **request)


async def test_a_body_that_does_not_announce_its_size_is_cut_off_at_the_limit() -> None:
    async def body() -> Any:
        for _ in range(30):
            yield b"x" * 100_000

    async with gateway(FakeModelServer(), max_body_bytes=1_000_000) as client:
        response = await client.post("/predict", content=body(), headers={"content-type": "image/png"})

    assert (response.status_code, response.json()["code"]) == (413, "body_too_large")


@pytest.mark.parametrize(
    "document",
    [
        b'{"images":[' + b"1," * 500_000 + b"1]}",
        b"[" * 100_000,
        b'{"images":[' + b'{"b64":""},' * 50_000 + b"1]}",
    ],
    ids=["numbers", "brackets", "empty images"],
)
async def test_a_json_body_crowded_with_values_is_refused_before_it_is_parsed(document: bytes) -> None:
    response = await post(content=document, headers={"content-type": "application/json"})

    assert (response.status_code, response.json()["code"]) == (413, "body_too_large")


async def test_as_many_json_images_as_allowed_with_commas_in_their_names_are_taken() -> None:
    images = [{"b64": B64, "name": "a, b, c [1] {x}"}] * 64

    response = await post(json={"images": images})

    assert len(response.json()["predictions"]) == 64


async def test_a_form_with_endless_other_fields_is_refused() -> None:
    fields = [(f"field-{n}", ("a", b"x")) for n in range(200)]

    response = await post(files=fields)

    assert (response.status_code, response.json()["code"]) == (413, "body_too_large")


async def test_a_body_that_does_not_arrive_in_time_is_given_up() -> None:
    async def body() -> Any:
        yield b"x"
        await asyncio.sleep(60)

    async with gateway(FakeModelServer(), receive_timeout_seconds=0.1) as client:
        response = await client.post("/predict", content=body(), headers={"content-type": "image/png"})

    assert (response.status_code, response.json()["code"]) == (504, "deadline_exceeded")
    assert response.headers["connection"] == "close"


async def test_more_images_than_may_ever_be_under_way_are_refused_for_good() -> None:
    server = FakeModelServer()
    async with gateway(server, max_predicted_images=4) as client:
        server.batches.clear()
        response = await client.post("/predict", files=[("image", ("a", PNG))] * 5)

    assert (response.status_code, response.json()["code"]) == (413, "body_too_large")
    assert server.batches == []


async def test_too_many_images_are_refused() -> None:
    async with gateway(FakeModelServer(), max_images_per_request=2) as client:
        multipart = await client.post("/predict", files=[("image", ("a", PNG))] * 3)
        as_json = await client.post("/predict", json={"images": [{"b64": B64}] * 3})

    assert [r.json()["code"] for r in (multipart, as_json)] == ["body_too_large"] * 2
