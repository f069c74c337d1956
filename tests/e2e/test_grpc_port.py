"""The gRPC port of `miwake serve`: its life, and what it weighs."""

from __future__ import annotations

import json
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import grpc
import pytest
from grpc_health.v1 import health_pb2

from serving.grpc.messages import inference_pb2 as pb
from serving.grpc.service import SERVICE
from tests.gateway_process import GatewayProcess, free_port

pytestmark = [pytest.mark.tensorflow, pytest.mark.slow]

MEGABYTE = 1_000_000
Health = health_pb2.HealthCheckResponse


class Port:
    """A gateway with a gRPC port, and a caller of it."""

    def __init__(self, models: Path, *, log: Path) -> None:
        port = free_port()
        environment = {"MIWAKE_GRPC_PORT": str(port), "MIWAKE_DRAIN_SECONDS": "1"}
        self.gateway = GatewayProcess(models, log=log, environment=environment)
        self.channel = grpc.insecure_channel(
            f"127.0.0.1:{port}", options=(("grpc.max_send_message_length", -1),)
        )

    def infer(self, request: bytes) -> str:
        """The status."""
        call = self.channel.unary_unary(f"/{SERVICE}/ModelInfer")
        try:
            call(request, timeout=30)
        except grpc.RpcError as exc:
            return str(exc.code().name)
        return "OK"

    def health(self) -> int:
        check = self.channel.unary_unary(
            "/grpc.health.v1.Health/Check", response_deserializer=Health.FromString
        )
        return int(check(b"", timeout=5).status)


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from tests.colour_model import publish_colours

    models = tmp_path_factory.mktemp("models")
    publish_colours(models / "colours")
    return models


@pytest.fixture
def port(models: Path, tmp_path: Path) -> Iterator[Port]:
    port = Port(models, log=tmp_path / "log")
    with port.gateway, port.channel:
        yield port


def request() -> bytes:
    from tests.colour_model import colour_picture

    tensor = pb.ModelInferRequest.InferInputTensor(name="image", datatype="BYTES", shape=[1])
    tensor.contents.bytes_contents.append(colour_picture("red"))
    return pb.ModelInferRequest(model_name="colours", inputs=[tensor]).SerializeToString()


def test_at_sigterm_it_is_not_ready_and_still_answers_and_no_call_is_lost(port: Port) -> None:
    statuses: list[str] = []
    message = request()

    def ask() -> None:
        while not statuses or statuses[-1] == "OK":
            statuses.append(port.infer(message))

    askers = [threading.Thread(target=ask) for _ in range(3)]
    for asker in askers:
        asker.start()
    while len(statuses) < 10:
        time.sleep(0.01)
    port.gateway.process.send_signal(signal.SIGTERM)
    until(lambda: port.health() == Health.NOT_SERVING)
    answered_before = len(statuses)
    until(lambda: len(statuses) > answered_before)
    assert set(statuses) == {"OK"}
    for asker in askers:
        asker.join()

    # In the end the port is closed, and gRPC itself cancels what comes in that very moment; what the gateway
    # was given it answered.
    assert set(statuses) <= {"OK", "UNAVAILABLE", "CANCELLED"}
    assert port.gateway.process.wait(20) == 0
    lines = [json.loads(line) for line in port.gateway.log.splitlines() if line.startswith("{")]
    assert {line["status"] for line in lines if line.get("route") == "grpc:ModelInfer"} == {200}


def until(happened) -> None:
    give_up = time.monotonic() + 10
    while not happened():
        assert time.monotonic() < give_up
        time.sleep(0.01)


def test_large_and_crowded_messages_leave_no_lasting_memory(port: Port) -> None:
    large = b"\x3a\x80\x80\x80\x0f" + bytes(31_457_280)
    crowded = b"\x2a\x00" * 15_000_000
    for message in (large, crowded):
        port.infer(message)
    port.gateway.reset_peak()
    before = port.gateway.resident_bytes()

    statuses = {port.infer(message) for message in (large, crowded) * 10}

    # Ten times 30 MB that stayed would be 600 MB; a crowded one that was parsed a gigabyte by itself.
    assert statuses == {"NOT_FOUND", "RESOURCE_EXHAUSTED"}
    assert port.gateway.peak_bytes() - before < 300 * MEGABYTE
