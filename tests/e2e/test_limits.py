"""Limits for each kind of work and each caller, on a gateway in a process of its own under load."""

from __future__ import annotations

import collections
import threading
from pathlib import Path
from typing import Self

import httpx
import pytest

from serving.callers.new_keys import Allowance, add_key
from tests.colour_server import ColourServer, colour_gateway, in_thread
from tests.gateway_process import GatewayProcess
from tests.pictures import colour_picture

pytestmark = pytest.mark.slow

PICTURE = colour_picture("green")
GREEDY_CLIENTS = 16


class Flood:
    """Requests of one key as fast as they are answered or refused."""

    def __init__(self, gateway: GatewayProcess, key: str) -> None:
        self.statuses: collections.Counter[int] = collections.Counter()
        self._ended = threading.Event()
        self._threads = [
            threading.Thread(target=self._ask, args=(gateway.url, key)) for _ in range(GREEDY_CLIENTS)
        ]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        for thread in self._threads:
            thread.join()

    def _ask(self, url: str, key: str) -> None:
        with httpx.Client(base_url=url, headers={"X-API-Key": key}, timeout=60) as client:
            while not self._ended.wait(0.01):
                self.statuses[client.post("/predict", content=PICTURE).status_code] += 1


def answers_beside_a_flood(
    folder: Path, count: int, **environment: str
) -> tuple[list[httpx.Response], Flood]:
    """So many requests of one key, one after another, while another takes all that it can get."""
    keys_file = folder / "keys.toml"
    greedy, patient = (add_key(keys_file, name, Allowance()) for name in ("greedy", "patient"))
    settings = {"KEYS_FILE": str(keys_file), "MAX_PREDICTED_IMAGES": "8"} | environment
    with (
        in_thread(ColourServer(seconds_per_image=0.05)) as address,
        colour_gateway(address, folder, **settings) as gateway,
        httpx.Client(base_url=gateway.url, headers={"X-API-Key": patient}, timeout=60) as client,
        Flood(gateway, greedy) as flood,
    ):
        while sum(flood.statuses.values()) < 3 * GREEDY_CLIENTS:
            client.get("/models")
        return [client.post("/predict", content=PICTURE) for _ in range(count)], flood


def test_a_key_that_takes_all_it_can_get_leaves_places_to_another(tmp_path: Path) -> None:
    answers, flood = answers_beside_a_flood(tmp_path, 10, CALLER_SHARE="0.5")

    assert [answer.status_code for answer in answers] == [200] * 10
    assert flood.statuses.keys() == {200, 429}


def test_without_a_share_it_leaves_none_and_is_told_that_there_are_none(tmp_path: Path) -> None:
    answers, flood = answers_beside_a_flood(tmp_path, 10)

    assert 503 in {answer.status_code for answer in answers}
    assert flood.statuses.keys() == {200, 503}
