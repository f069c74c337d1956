"""Damaged pictures of every format against a whole gateway: refused or answered, and nothing stays behind."""

from __future__ import annotations

import collections
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest

from tests.colour_server import ColourServer, colour_gateway, in_thread
from tests.fuzz.mutations import damaged_pictures, whole_pictures
from tests.gateway_process import GatewayProcess
from tests.pictures import colour_picture

pytestmark = pytest.mark.slow

SEED = 20_261_121
CLIENTS = 4
REFUSALS = {413: {"too_many_pixels"}, 415: {"unsupported_format"}, 422: {"image_undecodable"}}
# What the allocator keeps for the next picture is now more and now less, by some MB.
MARGIN_BYTES = 8 * 1024 * 1024


@pytest.fixture
def count(request: pytest.FixtureRequest) -> int:
    return 10_000 if request.config.getoption("--prove") else 300


@pytest.fixture
def warm_up(request: pytest.FixtureRequest) -> int:
    """The first pictures load what decodes them, and fill caches and what the allocator keeps."""
    return 2_000 if request.config.getoption("--prove") else 300


def send(gateway: GatewayProcess, files: Sequence[bytes]) -> list[httpx.Response]:
    with (
        httpx.Client(base_url=gateway.url, timeout=60) as client,
        ThreadPoolExecutor(CLIENTS) as threads,
    ):
        return list(threads.map(lambda file: client.post("/predict", content=file), files))


def settled_bytes(gateway: GatewayProcess) -> int:
    time.sleep(2)
    return gateway.resident_bytes()


@pytest.mark.timeout(1800)
def test_damaged_pictures_end_in_an_answer_or_a_refusal_and_leave_nothing_behind(
    tmp_path: Path, count: int, warm_up: int
) -> None:
    with in_thread(ColourServer()) as address, colour_gateway(address, tmp_path) as gateway:
        send(gateway, list(whole_pictures().values()) * 10)
        send(gateway, [file for _, file in damaged_pictures(warm_up, seed=SEED + 1)])
        before = settled_bytes(gateway)
        damaged = list(damaged_pictures(count, seed=SEED))
        answers = send(gateway, [file for _, file in damaged])
        after = settled_bytes(gateway)
        right = send(gateway, [colour_picture("green")])[0]

        assert gateway.process.poll() is None
        assert "Traceback" not in gateway.log

    said = collections.Counter((answer.status_code, answer.json().get("code")) for answer in answers)
    wrong = [
        (name, answer.status_code, answer.text)
        for (name, _), answer in zip(damaged, answers, strict=True)
        if answer.status_code != 200 and answer.json()["code"] not in REFUSALS.get(answer.status_code, ())
    ]
    figures = f"{dict(said)}; resident {before / 1e6:.1f} MB, then {after / 1e6:.1f} MB"
    print(f"\n{count} damaged pictures: {figures}")  # noqa: T201 - for whoever proves it
    assert not wrong
    assert {status for status, _ in said} >= {200, 415, 422}
    assert right.json()["predictions"][0]["label"] == "green"
    assert after < before + MARGIN_BYTES
