"""What is refused, before it costs anything: always a 4xx and one line of text."""

from __future__ import annotations

import asyncio
import json
import zlib
from typing import Any

import numpy as np
import pytest

from contract.image_spec import ImageSpec
from modelserver.errors import ModelServerAwayError
from serving.oip.image_input import MAX_LISTED_VALUES
from tests.fake_model_server import FakeModelServer, FakeVersion
from tests.manifests import golden, manifest
from tests.pictures import png_header_only
from tests.serving.gateway_client import gateway
from tests.serving.oip.asking import HEADER, INFER, PNG, binary, elements, infer, listed, pixels


async def post(path: str = INFER, **request: Any) -> Any:
    async with gateway(FakeModelServer()) as client:
        return await client.post(path, **request)


def with_input(**changes: Any) -> dict[str, Any]:
    return {"json": {"inputs": [listed(PNG) | changes]}}


def with_pixels(**changes: Any) -> dict[str, Any]:
    return {"json": {"inputs": [pixels() | changes]}}


def with_outputs(*outputs: Any) -> dict[str, Any]:
    return {"json": {"inputs": [listed(PNG)], "outputs": list(outputs)}}


HUGE = 2**62
REFUSED = {
    "no body": ({"content": b""}, 400),
    "no JSON": ({"content": b"{"}, 400),
    "another document": ({"json": [1]}, 400),
    "no inputs": ({"json": {"inputs": []}}, 400),
    "two inputs": ({"json": {"inputs": [listed(PNG), pixels()]}}, 400),
    "an unknown input": (with_input(name="picture"), 400),
    "another datatype": (with_input(datatype="FP32"), 400),
    "a datatype that is none": (with_input(datatype="x" * 10_000), 400),
    "no rows": (with_input(shape=[0], data=[]), 400),
    "negative rows": (with_input(shape=[-1]), 400),
    "no shape": (with_input(shape=[]), 400),
    "a shape of words": (with_input(shape=["1"]), 400),
    "a shape of truths": (with_input(shape=[True]), 400),
    "a shape of fractions": (with_input(shape=[1.5]), 400),
    "a shape without end": (with_input(shape=[1] * 10_000), 400),
    "another rank": (with_input(shape=[1, 1, 1]), 400),
    "two columns": (with_input(shape=[1, 2]), 400),
    "more elements than the shape": (with_input(data=["AAAA", "AAAA"]), 400),
    "fewer elements than the shape": (with_input(shape=[2]), 400),
    "no base64": (with_input(data=["***"]), 400),
    "an empty element": (with_input(data=[""]), 400),
    "numbers for files": (with_input(data=[1]), 400),
    "objects for files": (with_input(data=[{"b64": "AAAA"}]), 400),
    "a list that is nested too deep": (with_input(data=[[["AAAA"]]]), 400),
    "neither data nor bytes": (with_input(data=None), 400),
    "more images than allowed": (with_input(shape=[65], data=["AAAA"] * 65), 413),
    "a shape of a huge count": (with_input(shape=[HUGE]), 413),
    "pixels of another size": (with_pixels(shape=[1, 4, 4, 3], data=[0] * 48), 422),
    "pixels of two channels": (with_pixels(shape=[1, 8, 8, 2]), 400),
    "pixels without rank": (with_pixels(shape=[192]), 400),
    "pixels of no height": (with_pixels(shape=[1, 0, 8, 3], data=[]), 400),
    "pixels of negative sides": (with_pixels(shape=[1, -8, -8, 3]), 400),
    "pixels whose count overflows": (with_pixels(shape=[1, HUGE, HUGE, 3]), 400),
    "pixels beyond a byte": (with_pixels(data=[256] * 192), 400),
    "negative pixels": (with_pixels(data=[-1] * 192), 400),
    "pixels of fractions": (with_pixels(data=[0.5] * 192), 400),
    "pixels of words": (with_pixels(data=["0"] * 192), 400),
    "pixels of nothing": (with_pixels(data=[None] * 192), 400),
    "pixels beyond any number": (with_pixels(data=[10**300] * 192), 400),
    "an unknown output": (with_outputs({"name": "logits"}), 400),
    "an output twice": (with_outputs({"name": "label"}, {"name": "label"}), 400),
    "classes of labels": (with_outputs({"name": "label", "parameters": {"classification": 1}}), 422),
    "classes of a word": (
        with_outputs({"name": "probabilities", "parameters": {"classification": "1"}}),
        422,
    ),
    "negative classes": (with_outputs({"name": "probabilities", "parameters": {"classification": -1}}), 422),
    "bytes by a word": (with_outputs({"name": "label", "parameters": {"binary_data": "yes"}}), 422),
    "a timeout of a word": (
        {"json": {"inputs": [listed(PNG)], "parameters": {"timeout": "soon"}}},
        422,
    ),
    "a bad image": ({"json": {"inputs": [listed(b"text")]}}, 415),
    "half an image": ({"json": {"inputs": [listed(PNG[:80])]}}, 422),
    "a bomb": ({"json": {"inputs": [listed(png_header_only(30_000, 30_000))]}}, 413),
    "bytes that are too few": (binary(pixels(), bytes(191)), 400),
    "bytes that are too many": (binary(pixels(), bytes(193)), 400),
    "elements that end early": (binary(listed(PNG), elements(PNG)[:-1]), 400),
    "elements with more after them": (binary(listed(PNG), elements(PNG) + b"\0"), 400),
    "an element that claims 4 GB": (binary(listed(PNG), b"\xff\xff\xff\xff" + PNG), 400),
    "an element without a length": (binary(listed(PNG), b"\1\0"), 400),
    "another unknown coding": (with_input() | {"headers": {"Content-Encoding": "br"}}, 415),
    "no gzip": ({"content": b"{}", "headers": {"Content-Encoding": "gzip"}}, 400),
    "half of a deflate": (
        {"content": zlib.compress(b"{}" * 500)[:-6], "headers": {"Content-Encoding": "deflate"}},
        400,
    ),
    "a deflate of a gigabyte": (
        {"content": zlib.compress(bytes(200_000_000)), "headers": {"Content-Encoding": "deflate"}},
        413,
    ),
}


@pytest.mark.parametrize(("request_body", "status"), REFUSED.values(), ids=REFUSED)
async def test_a_bad_request_is_refused_in_one_line(request_body: dict[str, Any], status: int) -> None:
    response = await post(**request_body)

    assert response.status_code == status, response.text
    assert response.json().keys() == {"error"}
    assert 0 < len(response.json()["error"]) < 300


@pytest.mark.parametrize("length", ["-1", "0", "x", "1e3", "99999999", "9" * 5000, "²"])
async def test_a_header_that_is_no_length_of_json_is_refused(length: str) -> None:
    request = binary(pixels(), bytes(192))

    response = await post(content=request["content"], headers={HEADER: length.encode()})

    assert response.status_code == 400


async def test_bytes_that_no_input_claims_are_refused() -> None:
    head = json.dumps({"inputs": [listed(PNG)]}).encode()

    response = await post(content=head + b"more", headers={HEADER: str(len(head))})

    assert response.status_code == 400


@pytest.mark.parametrize(
    "document",
    [
        b'{"inputs":[' + b"1," * (MAX_LISTED_VALUES + 1) + b"1]}",
        b"[" * (MAX_LISTED_VALUES + 1),
        b'{"inputs":[' + b"{}," * MAX_LISTED_VALUES + b"1]}",
    ],
    ids=["numbers", "brackets", "objects"],
)
async def test_json_crowded_with_values_is_refused_before_it_is_parsed(document: bytes) -> None:
    assert (await post(content=document)).status_code == 413


async def test_a_picture_of_224_by_224_fits_into_json() -> None:
    spec = ImageSpec(height=224, width=224)
    its_manifest = manifest(image=spec, golden=golden((0.7, 0.2, 0.1), spec=spec))
    nested = np.full((1, *spec.shape), 255).tolist()
    given = {"name": "images", "datatype": "UINT8", "shape": [1, *spec.shape], "data": nested}

    async with gateway(FakeModelServer({"toy": {1: FakeVersion(its_manifest)}})) as client:
        response = await infer(client, given)

    assert response.status_code == 200


async def test_json_that_is_only_deep_is_refused() -> None:
    deep = b'{"inputs":[{"name":"images","datatype":"UINT8","shape":[1,8,8,3],"data":'

    response = await post(content=deep + b"[" * 100_000)

    assert response.status_code == 400


async def test_a_bad_image_among_good_ones_fails_the_request_and_is_named() -> None:
    async with gateway(FakeModelServer()) as client:
        response = await infer(client, listed(PNG, PNG, b"text"))

    assert response.status_code == 415
    assert response.json()["error"].startswith("image 2: ")


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/v2/models/nope/infer", 404),
        ("/v2/models/toy/versions/9/infer", 404),
        ("/v2/models/toy/versions/canary/infer", 404),
        ("/v2/models/toy/versions/" + "9" * 400 + "/infer", 404),
        ("/v2/nowhere", 404),
    ],
)
async def test_what_is_not_there_is_not_found(path: str, status: int) -> None:
    response = await post(path, json={"inputs": [listed(PNG)]})

    assert response.status_code == status
    assert response.json().keys() == {"error"}


@pytest.mark.parametrize("call", ["load", "unload"])
async def test_models_are_not_loaded_by_clients(call: str) -> None:
    response = await post(f"/v2/repository/models/toy/{call}")

    assert response.status_code == 405
    assert "operator" in response.json()["error"]


async def test_triton_s_timeout_spends_the_deadline() -> None:
    server = FakeModelServer()
    async with gateway(server, timeout_seconds=60) as client:
        server.predict_gate = asyncio.Event()
        response = await infer(client, listed(PNG), parameters={"timeout": 100_000})

    assert response.status_code == 504


async def test_the_client_s_header_spends_the_deadline() -> None:
    server = FakeModelServer()
    async with gateway(server, timeout_seconds=60) as client:
        server.predict_gate = asyncio.Event()
        response = await client.post(
            INFER, json={"inputs": [listed(PNG)]}, headers={"X-Request-Timeout": "0.1"}
        )

    assert response.status_code == 504


async def test_a_model_server_that_is_away_gives_503_and_when_to_come_back() -> None:
    server = FakeModelServer()
    async with gateway(server) as client:
        server.predict_error = ModelServerAwayError("away")
        response = await infer(client, listed(PNG))

    assert (response.status_code, response.json().keys()) == (503, {"error"})
    assert int(response.headers["retry-after"]) >= 1


async def test_an_output_too_large_for_json_is_to_be_had_as_bytes() -> None:
    spec = ImageSpec(height=512, width=512)
    its_manifest = manifest(image=spec, golden=golden((0.7, 0.2, 0.1), spec=spec))
    asked = {"name": "heatmaps"}
    async with gateway(FakeModelServer({"toy": {1: FakeVersion(its_manifest)}})) as client:
        as_json = await infer(client, listed(PNG), outputs=[asked])
        as_bytes = await infer(client, listed(PNG), outputs=[asked | {"parameters": {"binary_data": True}}])

    assert (as_json.status_code, "binary_data" in as_json.json()["error"]) == (400, True)
    assert len(as_bytes.content) - int(as_bytes.headers[HEADER]) == 4 * 512 * 512
