"""What one caller may take of a gateway in a process of its own, under load."""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest

from serving.callers.new_keys import Allowance, add_key
from tests.clients import Clients
from tests.colour_server import ColourServer, colour_gateway, in_thread
from tests.pictures import colour_picture

pytestmark = pytest.mark.slow

PICTURE = colour_picture("green")


def statuses_beside_a_flood(folder: Path, **environment: str) -> tuple[list[int], set[int]]:
    """Of ten requests of one key, one after another, and of another that takes all it can get meanwhile."""
    keys_file = folder / "keys.toml"
    greedy, patient = (add_key(keys_file, name, Allowance()) for name in ("greedy", "patient"))
    settings = {"KEYS_FILE": str(keys_file), "MAX_PREDICTED_IMAGES": "4"} | environment
    with (
        in_thread(ColourServer(seconds_per_image=0.05)) as address,
        colour_gateway(address, folder, **settings) as gateway,
        httpx.Client(base_url=gateway.url, headers={"X-API-Key": patient}, timeout=60) as client,
        Clients(gateway.url, PICTURE, count=8, key=greedy) as flood,
    ):
        flood.wait_for(1)
        return [client.post("/predict", content=PICTURE).status_code for _ in range(10)], flood.statuses()


def test_a_key_that_takes_all_it_can_get_leaves_places_to_another(tmp_path: Path) -> None:
    patient, greedy = statuses_beside_a_flood(tmp_path, CALLER_SHARE="0.5")

    assert patient == [200] * 10
    assert greedy == {200, 429}


def test_without_a_share_it_leaves_too_few(tmp_path: Path) -> None:
    patient, greedy = statuses_beside_a_flood(tmp_path)

    assert 503 in patient
    assert greedy == {200, 503}
