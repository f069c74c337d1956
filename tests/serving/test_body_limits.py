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


async def test_when_one_image_finds_no_place_the_others_of_its_request_are_not_predicted() -> None:
    server = FakeModelServer()
    async with gateway(server, max_waiting_images=4, max_calls_in_flight=1) as client:
        server.batches.clear()
        server.predict_gate = asyncio.Event()
        response = await client.post("/predict", files=[("image", ("a", PNG))] * 32)
        server.predict_gate.set()
        await asyncio.sleep(0.05)

    assert (response.status_code, response.json()["code"]) == (503, "overloaded")
    assert sum(server.batches) <= 1  # the one that was under way already


async def test_too_many_images_are_refused() -> None:
    async with gateway(FakeModelServer(), max_images_per_request=2) as client:
        multipart = await client.post("/predict", files=[("image", ("a", PNG))] * 3)
        as_json = await client.post("/predict", json={"images": [{"b64": B64}] * 3})

    assert [r.json()["code"] for r in (multipart, as_json)] == ["body_too_large"] * 2
