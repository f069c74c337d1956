from __future__ import annotations

import asyncio
import base64
import contextlib
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from modelserver.errors import DeadlineExceededError
from serving.load.codec_pool import CodecPool
from serving.load.deadline import Deadline
from tests.fake_model_server import FakeModelServer
from tests.pictures import encoded
from tests.serving.gateway_client import gateway
from tests.serving.grpc.caller import caller, encoded_request

PNG = encoded()
B64 = {"b64": base64.b64encode(PNG).decode()}
LISTED = {"name": "image", "datatype": "BYTES", "shape": [1], "data": [B64["b64"]]}


async def test_work_that_waits_past_its_deadline_is_given_up_and_never_done() -> None:
    pool, busy = CodecPool(threads=1), threading.Event()
    done: list[int] = []
    first = asyncio.create_task(pool.run(busy.wait, 20, deadline=Deadline.after(20)))
    await asyncio.sleep(0)  # it has its thread
    try:
        with pytest.raises(DeadlineExceededError):
            await pool.run(done.append, 1, deadline=Deadline.after(0.05))
    finally:
        busy.set()
    await first
    pool.close()

    assert done == []


@contextlib.contextmanager
def busy_threads() -> Iterator[None]:
    """Those that everything shares by default have something else to do."""
    busy, loop = threading.Event(), asyncio.get_running_loop()
    loop.set_default_executor(ThreadPoolExecutor(1))
    loop.run_in_executor(None, busy.wait, 20)
    try:
        yield
    finally:
        busy.set()


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/predict", {"images": [B64]}),
        ("/v1/models/toy:predict", {"instances": [B64]}),
        ("/v2/models/toy/infer", {"inputs": [LISTED]}),
        ("/models/toy/embed", {"images": [B64]}),
        ("/models/toy/explain", {"images": [B64]}),
    ],
)
async def test_requests_do_not_wait_for_threads_that_others_keep_busy(path: str, body: Any) -> None:
    async with gateway(FakeModelServer()) as client:
        with busy_threads():
            response = await client.post(path, json=body, timeout=5)

    assert response.status_code == 200, response.text


async def test_grpc_calls_do_not_wait_for_them_either() -> None:
    async with caller(FakeModelServer()) as calls:
        with busy_threads():
            answer = await calls.infer(encoded_request(PNG), timeout=5)

    assert answer.model_name == "toy"
