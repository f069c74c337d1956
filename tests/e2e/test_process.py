"""The gateway as a process: what it loads, what it weighs, how it ends, what it refuses on a real socket."""

from __future__ import annotations

import contextlib
import json
import signal
import socket
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from PIL import Image

from tests.gateway_process import GatewayProcess, is_running, kill, until_gone
from tests.pictures import encoded, png_header_only

pytestmark = [pytest.mark.tensorflow, pytest.mark.slow]

MEGABYTE = 1_000_000


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from tests.colour_model import publish_colours

    models = tmp_path_factory.mktemp("models")
    publish_colours(models / "colours")
    return models


@pytest.fixture(scope="module")
def gateway(models: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[GatewayProcess]:
    with GatewayProcess(models, log=tmp_path_factory.mktemp("log") / "log") as process:
        yield process


def test_a_photograph_is_answered(gateway: GatewayProcess) -> None:
    red = encoded(Image.new("RGB", (300, 200), "red"), "JPEG")

    response = httpx.post(f"{gateway.url}/predict", files={"image": ("red.jpg", red)})

    assert response.json()["predictions"][0]["label"] == "red"


def test_the_gateway_never_imports_tensorflow_and_stays_small(models: Path, tmp_path: Path) -> None:
    modules = tmp_path / "modules.json"
    tell_at_exit = (
        "import atexit, json, pathlib, sys;"
        f"target = pathlib.Path({str(modules)!r});"
        "atexit.register(lambda: target.write_text(json.dumps(sorted(sys.modules))));"
        "from miwake.cli import main; main()"
    )
    with GatewayProcess(
        models, log=tmp_path / "log", program=(sys.executable, "-c", tell_at_exit)
    ) as gateway:
        response = httpx.post(f"{gateway.url}/predict", content=encoded())
        resident = gateway.resident_bytes()

    loaded = set(json.loads(modules.read_text()))
    assert response.status_code == 200
    assert "serving.predictor" in loaded
    assert loaded.isdisjoint({"tensorflow", "keras", "tensorflow_serving", "training.train"})
    assert resident < 150 * MEGABYTE


def test_a_40_megabyte_upload_is_refused_before_it_is_read(gateway: GatewayProcess) -> None:
    with socket.create_connection(("127.0.0.1", gateway.port), timeout=5) as connection:
        connection.sendall(
            b"POST /predict HTTP/1.1\r\nHost: x\r\n"
            b"Content-Type: image/jpeg\r\nContent-Length: 40000000\r\n\r\n"
        )
        answer = b""
        while not answer.endswith(b"}"):
            answer += connection.recv(4096)

    assert answer.startswith(b"HTTP/1.1 413")
    assert b"body_too_large" in answer


def test_a_client_that_sends_40_megabytes_all_the_same_reads_the_refusal(gateway: GatewayProcess) -> None:
    gateway.reset_peak()
    before = gateway.resident_bytes()

    response = httpx.post(f"{gateway.url}/predict", files={"image": ("big.jpg", b"x" * 40 * MEGABYTE)})

    assert (response.status_code, response.json()["code"]) == (413, "body_too_large")
    assert gateway.peak_bytes() - before < 20 * MEGABYTE


def test_a_decompression_bomb_is_refused_without_its_memory(gateway: GatewayProcess) -> None:
    real_bomb = encoded(Image.new("1", (30_000, 30_000)))
    gateway.reset_peak()
    before = gateway.resident_bytes()

    responses = [
        httpx.post(f"{gateway.url}/predict", content=bomb)
        for bomb in (real_bomb, png_header_only(30_000, 30_000))
    ]

    assert [(r.status_code, r.json()["code"]) for r in responses] == [(413, "too_many_pixels")] * 2
    assert gateway.peak_bytes() - before < 20 * MEGABYTE


def test_several_pictures_of_the_largest_size_are_decoded_one_at_a_time(gateway: GatewayProcess) -> None:
    largest = encoded(Image.new("RGBA", (7000, 7000)))
    gateway.reset_peak()
    before = gateway.resident_bytes()

    response = httpx.post(f"{gateway.url}/predict", files=[("image", ("a.png", largest))] * 4, timeout=30)

    assert response.status_code == 200
    assert gateway.peak_bytes() - before < 1.2 * (2 * 4 * 7000 * 7000)


def test_headers_without_end_are_refused(gateway: GatewayProcess) -> None:
    gateway.reset_peak()
    before = gateway.resident_bytes()
    with socket.create_connection(("127.0.0.1", gateway.port), timeout=5) as connection:
        connection.sendall(b"GET /livez HTTP/1.1\r\nHost: x\r\n")
        with contextlib.suppress(ConnectionError):
            for number in range(1000):
                connection.sendall(b"x-%d: " % number + b"y" * 60_000 + b"\r\n")
        with contextlib.suppress(ConnectionError):
            assert connection.recv(4096).startswith(b"HTTP/1.1 431")

    assert gateway.peak_bytes() - before < 20 * MEGABYTE
    assert httpx.get(f"{gateway.url}/livez").status_code == 200


def test_a_body_that_never_ends_does_not_keep_a_stopped_gateway(models: Path, tmp_path: Path) -> None:
    environment = {"MIWAKE_SHUTDOWN_TIMEOUT_SECONDS": "1"}
    with (
        GatewayProcess(models, log=tmp_path / "log", environment=environment) as gateway,
        socket.create_connection(("127.0.0.1", gateway.port)) as connection,
    ):
        connection.sendall(b"POST /predict HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\nx")
        gateway.process.send_signal(signal.SIGTERM)

        assert gateway.process.wait(15) == 0


def test_the_documentation_is_served(gateway: GatewayProcess) -> None:
    assert "swagger-ui" in httpx.get(f"{gateway.url}/docs").text


def test_a_stopped_gateway_takes_its_model_server_and_its_files_along(models: Path, tmp_path: Path) -> None:
    temporary = tmp_path / "tmp"
    temporary.mkdir()
    with GatewayProcess(models, log=tmp_path / "log", environment={"TMPDIR": str(temporary)}) as gateway:
        child = gateway.model_server_pid()
        assert list(temporary.iterdir())
        gateway.process.send_signal(signal.SIGTERM)
        status = gateway.process.wait(20)

    assert status == 0
    assert not is_running(child)
    assert list(temporary.iterdir()) == []


@pytest.mark.skipif(sys.platform != "linux", reason="the parent-death signal is Linux's")
def test_a_killed_gateway_takes_its_model_server_along(models: Path, tmp_path: Path) -> None:
    with GatewayProcess(models, log=tmp_path / "log") as gateway:
        child = gateway.model_server_pid()
        kill(gateway.process.pid)
        gateway.process.wait()

        until_gone(child)


def test_a_folder_without_models_is_one_clear_line(tmp_path: Path) -> None:
    import subprocess

    result = subprocess.run(
        [sys.executable, "-m", "miwake", "serve", str(tmp_path)], capture_output=True, text=True, check=False
    )

    assert result.returncode == 1
    assert result.stderr.count("\n") == 1
    assert "no model in" in result.stderr
