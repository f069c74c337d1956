"""Nobody is answered who is no longer there."""

from __future__ import annotations

import asyncio
import base64
import json
import socket
import time
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from tests.fake_model_server import FakeModelServer
from tests.pictures import encoded
from tests.serving.gateway_thread import gateway_at_port

PNG = encoded()
B64 = {"b64": base64.b64encode(PNG).decode()}
LISTED = {"name": "image", "datatype": "BYTES", "shape": [1], "data": [B64["b64"]]}


class Holding(FakeModelServer):
    """Once told to, it answers nothing."""

    hold = False
    held = 0

    async def call(self, *args: Any, **kwargs: Any) -> Any:
        while self.hold:
            self.held += 1
            await asyncio.sleep(0.02)
        return await super().call(*args, **kwargs)


def until(condition: Callable[[], bool]) -> None:
    give_up = time.monotonic() + 5
    while not condition():
        assert time.monotonic() < give_up
        time.sleep(0.02)


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/predict", {"images": [B64]}),
        ("/models/toy/explain", {"images": [B64]}),
        ("/v1/models/toy:predict", {"instances": [B64]}),
        ("/v2/models/toy/infer", {"inputs": [LISTED]}),
    ],
)
def test_a_client_that_hangs_up_frees_its_place_before_there_is_an_answer(path: str, body: Any) -> None:
    server = Holding()
    content = json.dumps(body).encode()
    fields = f"Host: g\r\nContent-Type: application/json\r\nContent-Length: {len(content)}"
    with gateway_at_port(server, timeout_seconds=60) as url, httpx.Client(base_url=url) as client:
        until(lambda: client.get("/readyz").is_success)
        server.hold = True
        address = httpx.URL(url)
        with socket.create_connection((address.host, address.port)) as gone:
            gone.sendall(f"POST {path} HTTP/1.1\r\n{fields}\r\n\r\n".encode() + content)
            until(lambda: server.held > 0)
        until(lambda: "miwake_admitted_requests 0.0" in client.get("/metrics").text)
        metrics = client.get("/metrics").text
        server.hold = False

    assert any('status="499"' in line for line in metrics.splitlines() if "miwake_requests_total" in line)
    assert "miwake_admitted_images 0.0" in metrics
