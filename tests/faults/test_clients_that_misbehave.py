"""Clients that hold on to what they were given do not keep it from the others."""

from __future__ import annotations

import contextlib
import resource
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.colour_server import ColourServer, colour_gateway, in_thread
from tests.gateway_process import GatewayProcess
from tests.pictures import colour_picture

pytestmark = pytest.mark.slow

RED = colour_picture("red")
MIB = 1024 * 1024


@pytest.fixture
def gateway(tmp_path: Path) -> Iterator[GatewayProcess]:
    limits = {"RECEIVE_TIMEOUT_SECONDS": "3"}
    with in_thread(ColourServer()) as address, colour_gateway(address, tmp_path, **limits) as running:
        yield running


@contextlib.contextmanager
def connections(gateway: GatewayProcess, count: int) -> Iterator[list[socket.socket]]:
    with contextlib.ExitStack() as stack:
        yield [
            stack.enter_context(socket.create_connection(("127.0.0.1", gateway.port), timeout=30))
            for _ in range(count)
        ]


def labels(gateway: GatewayProcess, count: int = 20) -> set[str]:
    with httpx.Client(base_url=gateway.url, timeout=30) as client:
        answers = [client.post("/predict", content=RED) for _ in range(count)]
    return {answer.json()["predictions"][0]["label"] for answer in answers}


def head(length: int) -> bytes:
    fields = f"Host: g\r\nContent-Type: image/png\r\nContent-Length: {length}"
    return f"POST /predict HTTP/1.1\r\n{fields}\r\n\r\n".encode()


def everything(connection: socket.socket) -> bytes:
    received = b""
    with contextlib.suppress(ConnectionResetError):
        while data := connection.recv(65536):
            received += data
    return received


def test_bodies_that_come_a_byte_a_second_are_given_up_and_the_others_are_answered(
    gateway: GatewayProcess,
) -> None:
    ended = threading.Event()

    def drip(slow: list[socket.socket]) -> None:
        while not ended.wait(1):
            for connection in slow:
                with contextlib.suppress(OSError):
                    connection.send(b"x")

    with connections(gateway, 100) as slow:
        for connection in slow:
            connection.sendall(head(10_000))
        dripping = threading.Thread(target=drip, args=(slow,))
        dripping.start()
        try:
            meanwhile = labels(gateway)
            answers = [everything(connection) for connection in slow]
        finally:
            ended.set()
            dripping.join()

    assert meanwhile == {"red"}
    assert {answer.split(b"\r\n", 1)[0] for answer in answers} == {b"HTTP/1.1 504 Gateway Timeout"}
    assert all(b'"code":"deadline_exceeded"' in answer for answer in answers)


def test_a_client_that_never_reads_is_not_answered_without_end(gateway: GatewayProcess) -> None:
    labels(gateway)
    before = gateway.resident_bytes()
    with connections(gateway, 10) as deaf:
        asking = b"GET /openapi.json HTTP/1.1\r\nHost: g\r\n\r\n" * 500
        for connection in deaf:
            connection.setblocking(False)
            with contextlib.suppress(BlockingIOError):
                connection.send(asking)
        meanwhile = labels(gateway)
        grown = gateway.resident_bytes() - before

    # All answers together would be some 300 MB.
    assert meanwhile == {"red"}
    assert grown < 100 * MIB
    assert labels(gateway) == {"red"}


def test_a_thousand_idle_connections_cost_little_and_keep_nobody_out(gateway: GatewayProcess) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < 2100:
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(4096, hard), hard))
    labels(gateway)
    before = gateway.resident_bytes()
    with connections(gateway, 1000) as idle:
        for connection in idle[:500]:
            connection.sendall(b"POST /predict HT")
        meanwhile = labels(gateway)
        grown = gateway.resident_bytes() - before

    assert meanwhile == {"red"}
    assert grown < 50 * MIB
    assert labels(gateway) == {"red"}


def test_clients_that_hang_up_half_way_leave_nothing_behind(gateway: GatewayProcess) -> None:
    with connections(gateway, 100) as gone:
        for connection in gone:
            connection.sendall(head(10_000) + b"x" * 5_000)
    give_up = time.monotonic() + 20
    while "miwake_admitted_requests 0.0" not in (metrics := httpx.get(f"{gateway.url}/metrics").text):
        assert time.monotonic() < give_up, metrics
        time.sleep(0.1)

    assert "miwake_admitted_bytes 0.0" in metrics
    assert labels(gateway) == {"red"}


def test_who_asks_for_a_web_socket_gets_an_ordinary_answer(gateway: GatewayProcess) -> None:
    upgrade = (
        "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: eA=="
    )
    with connections(gateway, 1) as (asking,):
        asking.sendall(f"GET /livez HTTP/1.1\r\nHost: g\r\n{upgrade}\r\n\r\n".encode())

        assert asking.recv(65536).startswith(b"HTTP/1.1 200 ")
