"""Bodies of the Open Inference Protocol over HTTP."""

from __future__ import annotations

import base64
import json
from typing import Any

import httpx

from tests.pictures import encoded

PNG = encoded()
INFER = "/v2/models/toy/infer"
HEADER = "Inference-Header-Content-Length"


def listed(*pictures: bytes) -> dict[str, Any]:
    """The input `image` in JSON."""
    data = [base64.b64encode(picture).decode() for picture in pictures]
    return {"name": "image", "datatype": "BYTES", "shape": [len(pictures)], "data": data}


def elements(*pictures: bytes) -> bytes:
    """The input `image` as bytes."""
    return b"".join(len(picture).to_bytes(4, "little") + picture for picture in pictures)


def pixels(count: int = 1, *, value: int = 0) -> dict[str, Any]:
    """The input `images` in JSON, of the toy model's size."""
    return {
        "name": "images",
        "datatype": "UINT8",
        "shape": [count, 8, 8, 3],
        "data": [value] * (count * 8 * 8 * 3),
    }


def binary(given: dict[str, Any], raw: bytes, **document: Any) -> dict[str, Any]:
    """A request whose input follows the JSON; to be given to httpx."""
    given = {name: value for name, value in given.items() if name != "data"}
    given["parameters"] = {"binary_data_size": len(raw)}
    head = json.dumps({"inputs": [given], **document}).encode()
    return {"content": head + raw, "headers": {HEADER: str(len(head))}}


async def infer(client: httpx.AsyncClient, *inputs: dict[str, Any], **document: Any) -> httpx.Response:
    return await client.post(INFER, json={"inputs": list(inputs), **document})


def output(response: httpx.Response, name: str) -> dict[str, Any]:
    """One output of an answer in JSON."""
    assert response.status_code == 200, response.text
    found: dict[str, Any] = next(one for one in response.json()["outputs"] if one["name"] == name)
    return found
