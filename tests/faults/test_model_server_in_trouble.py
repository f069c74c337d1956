"""A model server that is frozen, slow, too busy, of another opinion, or that takes versions away."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import grpc
import httpx
import pytest

from tests.clients import Clients
from tests.colour_server import ColourServer, colour_gateway, in_thread
from tests.pictures import colour_picture

pytestmark = pytest.mark.slow

RED = colour_picture("red")
# Far beyond the deadlines set here: whoever waits so long is left hanging.
LONGEST_ANSWER_SECONDS = 15


def ask(url: str, **headers: str) -> httpx.Response:
    return httpx.post(f"{url}/predict", content=RED, headers=headers, timeout=LONGEST_ANSWER_SECONDS)


def until_answered(url: str, *, seconds: float = 30) -> httpx.Response:
    give_up = time.monotonic() + seconds
    while (response := ask(url)).status_code != 200:
        assert time.monotonic() < give_up, response.text
        time.sleep(0.1)
    return response


def label(response: httpx.Response) -> str:
    return response.json()["predictions"][0]["label"]


@contextlib.contextmanager
def server_process() -> Iterator[tuple[str, int]]:
    command = [sys.executable, "-m", "tests.fixed_rate_server", "--images-per-second", "1000", "--size", "8"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        try:
            yield process.stdout.readline().strip(), process.pid
        finally:
            os.kill(process.pid, signal.SIGCONT)
            process.kill()


def test_a_frozen_model_server_costs_each_request_its_deadline_at_most(tmp_path: Path) -> None:
    with (
        server_process() as (address, pid),
        colour_gateway(address, tmp_path, TIMEOUT_SECONDS="1") as gateway,
    ):
        with Clients(gateway.url, RED, count=4) as clients:
            clients.wait_for(1)
            os.kill(pid, signal.SIGSTOP)
            frozen_since = len(clients.answers)
            while len(clients.answers) < frozen_since + 12:
                time.sleep(0.05)
            while_frozen = list(clients.answers[frozen_since + 4 :])
            os.kill(pid, signal.SIGCONT)
            clients.wait_for(1, since=len(clients.answers))
        answers = clients.answers

    codes = {(answer.status, answer.body.get("code")) for answer in while_frozen}
    assert codes <= {(504, "deadline_exceeded"), (503, "overloaded"), (503, "model_server_away")}
    assert max(answer.seconds for answer in answers) < LONGEST_ANSWER_SECONDS
    assert clients.labels_by_version() == {1: {"red"}}


def test_a_slow_model_server_is_504_at_the_clients_deadline_and_right_once_it_is_quick(
    tmp_path: Path,
) -> None:
    server = ColourServer()
    with in_thread(server) as address, colour_gateway(address, tmp_path) as gateway:
        server.seconds_per_image = 2
        late = ask(gateway.url, **{"X-Request-Timeout": "0.5"})
        server.seconds_per_image = 0
        right = until_answered(gateway.url)

    assert (late.status_code, late.json()["code"]) == (504, "deadline_exceeded")
    assert label(right) == "red"


@pytest.mark.parametrize(
    "refusal",
    [
        (grpc.StatusCode.RESOURCE_EXHAUSTED, "Server Threadpool Exhausted"),
        (
            grpc.StatusCode.UNAVAILABLE,
            "The batch scheduling queue to which this task was submitted is full; task size is 1",
        ),
    ],
    ids=["threads", "batching queue"],
)
def test_a_model_server_with_too_much_to_do_is_503_and_is_let_alone_for_a_moment(
    tmp_path: Path, refusal: tuple[grpc.StatusCode, str]
) -> None:
    server = ColourServer()
    with in_thread(server) as address, colour_gateway(address, tmp_path) as gateway:
        before = len(server.batch_sizes)
        server.refusal = refusal
        refused = [ask(gateway.url) for _ in range(30)]
        sent = len(server.batch_sizes) - before
        server.refusal = None
        right = until_answered(gateway.url)

    assert {(answer.status_code, answer.json()["code"]) for answer in refused} == {(503, "overloaded")}
    assert all(int(answer.headers["retry-after"]) >= 1 for answer in refused)
    assert sent < len(refused)
    assert label(right) == "red"


def test_a_version_taken_away_under_load_costs_no_answer(tmp_path: Path) -> None:
    server = ColourServer(seconds_per_image=0.002)
    server.versions = [2, 1]
    with (
        in_thread(server) as address,
        colour_gateway(address, tmp_path) as gateway,
        Clients(gateway.url, RED, count=4) as clients,
    ):
        clients.wait_for(2)
        server.versions = [1]
        clients.wait_for(1)
        server.versions = [3, 1]
        clients.wait_for(3)

    assert clients.statuses() == {200}
    assert clients.labels_by_version() == {1: {"red"}, 2: {"red"}, 3: {"red"}}


def test_a_model_that_is_not_what_its_manifest_says_never_answers(tmp_path: Path) -> None:
    server = ColourServer()
    right = server.network
    server.network = lambda images: right(images)[:, ::-1].copy()
    with in_thread(server) as address, colour_gateway(address, tmp_path, wait=False) as gateway:
        give_up = time.monotonic() + 30
        why = ""
        while "self-test" not in why and "golden" not in why:
            assert time.monotonic() < give_up, why
            with contextlib.suppress(httpx.TransportError):
                why = httpx.get(f"{gateway.url}/readyz").text
            time.sleep(0.1)
        while "under way" in (why := httpx.get(f"{gateway.url}/readyz").text):
            time.sleep(0.1)
        refused = ask(gateway.url)

    assert "golden" in why
    assert (refused.status_code, refused.json()["code"]) == (502, "contract_broken")
