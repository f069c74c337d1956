from __future__ import annotations

import asyncio
import contextlib
import io
import json
import time
from collections.abc import AsyncIterator
from typing import Any

import httpx

from serving.telemetry.log_lines import LogFormat
from serving.telemetry.log_output import logging_to
from tests.fake_model_server import FakeModelServer
from tests.pictures import encoded
from tests.serving.gateway_client import gateway

TRACE = "0af7651916cd43dd8448eb211c80319c"


class Lines:
    """What the gateway wrote, once it has ended."""

    def __init__(self) -> None:
        self.stream = io.StringIO()

    def of_the_gateway(self) -> list[dict[str, Any]]:
        lines = [json.loads(line) for line in self.stream.getvalue().splitlines()]
        return [line for line in lines if line["logger"] != "httpx"]  # the client is in this process too

    def of_requests(self) -> list[dict[str, Any]]:
        return [line for line in self.of_the_gateway() if line["logger"] == "serving.requests"]


@contextlib.asynccontextmanager
async def logged(server: FakeModelServer, **changes: Any) -> AsyncIterator[tuple[httpx.AsyncClient, Lines]]:
    lines = Lines()
    with logging_to(lines.stream, log_format=LogFormat.JSON):
        async with gateway(server, **changes) as client:
            yield client, lines


async def test_a_request_is_one_line_that_says_what_came_of_it() -> None:
    async with logged(FakeModelServer()) as (client, lines):
        files = [("image", ("secret-name.png", encoded())), ("image", ("b", b"no image"))]
        headers = {"x-request-id": "mine-1", "traceparent": f"00-{TRACE}-b7ad6b7169203331-00"}
        response = await client.post("/models/toy/predict?top_k=2", files=files, headers=headers)

    (line,) = lines.of_requests()
    stages = line.pop("stage_seconds")
    assert set(stages) == {"receive", "decode", "queue", "predict", "respond"}
    assert all(seconds <= line["seconds"] for seconds in stages.values())
    varying = {"time", "seconds", "message", "span_id", "bytes_in"}
    assert {name: value for name, value in line.items() if name not in varying} == {
        "level": "info",
        "logger": "serving.requests",
        "method": "POST",
        "route": "/models/{model}/predict",
        "status": 200,
        "code": "",
        "request_id": "mine-1",
        "trace_id": TRACE,
        "model": "toy",
        "version": "1",
        "images": 2,
        "rejected": 1,
        "caller": "",
        "client": "127.0.0.1",
    }
    assert line["bytes_in"] == int(response.request.headers["content-length"])


async def test_neither_names_nor_queries_nor_paths_nor_headers_are_in_the_log() -> None:
    async with logged(FakeModelServer()) as (client, lines):
        await client.post("/predict?token=hidden", files=[("image", ("hidden.png", encoded()))])
        await client.post("/models/hidden/predict", content=encoded())
        await client.get("/hidden", headers={"authorization": "Bearer hidden", "x-request-id": "hid den"})

    assert len(lines.of_requests()) == 3
    assert "hidden" not in json.dumps(lines.of_the_gateway())


async def test_a_refused_request_has_its_code_and_the_failures_of_ours_are_warnings() -> None:
    server = FakeModelServer()
    async with logged(server, timeout_seconds=0.2) as (client, lines):
        await client.post("/predict", content=b"no image")
        server.predict_gate = asyncio.Event()
        await client.post("/predict", content=encoded())

    refused, late = lines.of_requests()
    assert (refused["status"], refused["code"], refused["level"]) == (415, "unsupported_format", "info")
    assert (late["status"], late["code"], late["level"]) == (504, "deadline_exceeded", "warning")


async def test_probes_leave_no_lines() -> None:
    async with logged(FakeModelServer()) as (client, lines):
        for path in ("/livez", "/readyz", "/startupz", "/metrics"):
            await client.get(path)

    assert lines.of_requests() == []


async def test_stage_seconds_are_those_of_the_request_and_not_the_sum_over_its_images() -> None:
    started = time.perf_counter()
    async with logged(FakeModelServer()) as (client, lines):
        await client.post("/predict", files=[("image", ("a", encoded()))] * 32)
    seconds = time.perf_counter() - started

    (line,) = lines.of_requests()
    assert max(line["stage_seconds"].values()) <= line["seconds"] <= seconds
