"""Requests whose images go to the model server in one call: each is seen as itself."""

from __future__ import annotations

import asyncio
import io
import json

from modelserver.call_metadata import Metadata, call_metadata
from modelserver.protocol import Call, Tensors
from serving.telemetry.log_lines import LogFormat
from serving.telemetry.log_output import logging_to
from tests.fake_model_server import FakeModelServer
from tests.pictures import encoded
from tests.serving.gateway_client import gateway

DECODED = 'miwake_stage_duration_seconds_count{model="toy",stage="decode",version="1"}'


class Watched(FakeModelServer):
    """Remembers what went along with each call, by the number of its images."""

    def __init__(self) -> None:
        super().__init__()
        self.metadata: dict[int, Metadata] = {}

    async def call(self, call: Call, *, timeout_seconds: float) -> Tensors:
        if "images" in call.inputs:
            self.metadata[len(call.inputs["images"])] = call_metadata()
        return await super().call(call, timeout_seconds=timeout_seconds)


def trace(number: int) -> str:
    return f"{number:032x}"


async def test_each_has_its_own_stages_and_the_call_is_of_the_oldest() -> None:
    server, log = Watched(), io.StringIO()
    with logging_to(log, log_format=LogFormat.JSON):
        async with gateway(server, max_calls_in_flight=1, timeout_seconds=30) as client:

            async def ask(number: int) -> None:
                headers = {"traceparent": f"00-{trace(number)}-b7ad6b7169203331-00"}
                await client.post("/predict", content=encoded(), headers=headers)

            server.predict_gate = asyncio.Event()
            asking = []
            for number in range(1, 6):  # the first goes at once, the others wait for it and go together
                asking.append(asyncio.create_task(ask(number)))
                while f"{DECODED} {number}.0" not in (await client.get("/metrics")).text:
                    await asyncio.sleep(0.01)
            server.predict_gate.set()
            await asyncio.gather(*asking)

    lines = [json.loads(line) for line in log.getvalue().splitlines()]
    requests = {line["trace_id"]: line for line in lines if line["logger"] == "serving.requests"}
    assert set(requests) == {trace(number) for number in range(1, 6)}
    for line in requests.values():
        assert {"receive", "decode", "queue", "predict", "respond"} == set(line["stage_seconds"])
    assert server.metadata[1][0][1].split("-")[1] == trace(1)
    assert server.metadata[4][0][1].split("-")[1] == trace(2)
    waited = [requests[trace(number)]["stage_seconds"]["queue"] for number in range(1, 6)]
    assert waited[0] < min(waited[1:])
