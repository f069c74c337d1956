"""SIGTERM comes amid whatever the gateway does, a log line above all: it ends in its time, with status 0."""

from __future__ import annotations

import contextlib
import json
import random
import signal
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

SEED = 20_261_128
CLIENTS = 6
DRAIN_SECONDS = 0.2
# What is under way is answered within milliseconds; a gateway that waits for itself never ends.
END_SECONDS = 20


@pytest.fixture
def times(request: pytest.FixtureRequest) -> int:
    return 60 if request.config.getoption("--prove") else 3


@contextlib.contextmanager
def stream_of_requests(gateway: GatewayProcess) -> Iterator[list[int]]:
    """Requests as fast as they are answered, a log line each, until the gateway is gone; their statuses."""
    statuses: list[int] = []

    def ask(number: int) -> None:
        with httpx.Client(base_url=gateway.url, timeout=END_SECONDS) as client:
            while gateway.process.poll() is None:
                with contextlib.suppress(httpx.TransportError):
                    if number:
                        statuses.append(client.get("/models/toy").status_code)
                    else:
                        statuses.append(client.post("/predict", content=colour_picture("red")).status_code)

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(CLIENTS)]
    for thread in threads:
        thread.start()
    try:
        yield statuses
    finally:
        if gateway.process.poll() is None:
            gateway.process.kill()
            gateway.process.wait()
        for thread in threads:
            thread.join()


@pytest.mark.timeout(1800)
def test_whenever_sigterm_comes_the_gateway_ends_in_its_time(tmp_path: Path, times: int) -> None:
    moments = random.Random(SEED)  # noqa: S311 - the same ones every time
    with in_thread(ColourServer()) as address:
        for _ in range(times):
            with (
                colour_gateway(address, tmp_path, DRAIN_SECONDS=str(DRAIN_SECONDS)) as gateway,
                stream_of_requests(gateway) as statuses,
            ):
                while not statuses:
                    time.sleep(0.01)
                time.sleep(moments.uniform(0, 0.5))
                gateway.process.send_signal(signal.SIGTERM)
                status = gateway.process.wait(END_SECONDS)

            lines = gateway.log.splitlines()
            assert status == 0
            assert set(statuses) == {200}
            assert len(lines) > len(statuses)
            assert all(json.loads(line)["level"] == "info" for line in lines)
