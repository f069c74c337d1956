"""Gateways are replaced one by one under load, behind something that looks at /readyz: no request is lost."""

from __future__ import annotations

import contextlib
import itertools
import re
import signal
import threading
import time
from pathlib import Path
from typing import Self

import httpx
import pytest

from tests.colour_server import ColourServer, colour_gateway, in_thread
from tests.gateway_process import GatewayProcess
from tests.pictures import colour_picture

pytestmark = pytest.mark.slow

COLOURS = ("red", "green", "blue")
DRAIN_SECONDS = 1.0


class Proxy:
    """Sends each request to a gateway that was ready a moment ago, as a Kubernetes Service does.

    It keeps connections, and tries another gateway only where no connection was made: what was sent once and
    not answered is lost, and told.
    """

    def __init__(self) -> None:
        self.gateways: list[str] = []
        self.ready: list[str] = []
        self.lost: list[str] = []
        self.answers: list[tuple[str, httpx.Response]] = []
        self._ended = threading.Event()
        self._threads = [threading.Thread(target=self._probe)]
        self._threads += [threading.Thread(target=self._ask, args=(colour,)) for colour in COLOURS]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        for thread in self._threads:
            thread.join()

    def wait_for(self, answers: int) -> None:
        wanted, give_up = len(self.answers) + answers, time.monotonic() + 60
        while len(self.answers) < wanted:
            assert time.monotonic() < give_up, "no answers"
            time.sleep(0.01)

    def wait_until_ready(self, url: str, *, ready: bool = True) -> None:
        give_up = time.monotonic() + 60
        while (url in self.ready) is not ready:
            assert time.monotonic() < give_up, url
            time.sleep(0.01)

    def _probe(self) -> None:
        while not self._ended.wait(0.05):
            self.ready = [url for url in self.gateways if _is_ready(url)]

    def _ask(self, colour: str) -> None:
        picture = colour_picture(colour)
        with httpx.Client(timeout=30) as client:
            for turn in itertools.count():
                if self._ended.is_set():
                    return
                ready = self.ready
                if not ready:
                    time.sleep(0.01)
                    continue
                url = ready[turn % len(ready)]
                try:
                    self.answers.append((colour, client.post(f"{url}/predict", content=picture)))
                except httpx.ConnectError:
                    continue
                except httpx.TransportError as exc:
                    self.lost.append(repr(exc))


def _is_ready(url: str) -> bool:
    try:
        return httpx.get(f"{url}/readyz", timeout=5).is_success
    except httpx.TransportError:
        return False


def test_a_rolling_restart_loses_no_request(tmp_path: Path) -> None:
    server = ColourServer(seconds_per_image=0.005)
    with contextlib.ExitStack() as stack:
        address = stack.enter_context(in_thread(server))

        def start(name: str) -> GatewayProcess:
            (tmp_path / name).mkdir()
            starting = colour_gateway(address, tmp_path / name, DRAIN_SECONDS=str(DRAIN_SECONDS))
            return stack.enter_context(starting)

        old = [start("old-1"), start("old-2")]
        proxy = Proxy()
        proxy.gateways = [gateway.url for gateway in old]
        with proxy:
            exits = []
            for number, gateway in enumerate(old):
                proxy.wait_for(20)
                new = start(f"new-{number}")
                proxy.gateways = [*proxy.gateways, new.url]
                proxy.wait_until_ready(new.url)
                gateway.process.send_signal(signal.SIGTERM)
                exits.append(gateway.process.wait(60))
                proxy.gateways = [url for url in proxy.gateways if url != gateway.url]
            proxy.wait_for(20)

    assert proxy.lost == []
    assert exits == [0, 0]
    assert {answer.status_code for _, answer in proxy.answers} == {200}
    labelled = {(colour, answer.json()["predictions"][0]["label"]) for colour, answer in proxy.answers}
    assert labelled == {(colour, colour) for colour in COLOURS}


def test_without_a_proxy_what_is_under_way_at_sigterm_is_answered_and_nothing_else_is_taken(
    tmp_path: Path,
) -> None:
    server = ColourServer(seconds_per_image=1)  # so that most are under way when all have come
    with in_thread(server) as address, colour_gateway(address, tmp_path) as gateway:
        answers: list[httpx.Response] = []
        asking = [
            threading.Thread(
                target=lambda: answers.append(
                    httpx.post(f"{gateway.url}/predict", content=colour_picture("blue"), timeout=30)
                )
            )
            for _ in range(5)
        ]
        for thread in asking:
            thread.start()
        while not re.search(r"miwake_images_total{.*} 5\.0", httpx.get(f"{gateway.url}/metrics").text):
            time.sleep(0.01)
        gateway.process.send_signal(signal.SIGTERM)
        status = gateway.process.wait(60)
        for thread in asking:
            thread.join()

    assert status == 0
    assert [answer.json()["predictions"][0]["label"] for answer in answers] == ["blue"] * 5
    with pytest.raises(httpx.ConnectError):
        httpx.get(gateway.url)
