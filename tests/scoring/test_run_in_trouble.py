"""Targets that are away, overloaded or restarted, disks that are full: waited for, or told in one line."""

from __future__ import annotations

import asyncio
import contextlib
import json
import math
import re
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import grpc
import pytest

from scoring.errors import OutputError, TargetAwayError
from tests.colour_server import ColourServer, colour_gateway, in_thread
from tests.gateway_process import free_port
from tests.scoring.archive import Watcher, comparable, job, rows, run, said, write_archive
from tests.scoring.score_process import finished
from tests.small_disk import mounted

pytestmark = pytest.mark.slow


@contextlib.contextmanager
def after(seconds: float, change: Callable[[], None]) -> Iterator[None]:
    timer = threading.Timer(seconds, change)
    timer.start()
    try:
        yield
    finally:
        timer.join()


@contextlib.contextmanager
def lives_of_a_server(port: int, *seconds: float, seconds_per_image: float) -> Iterator[None]:
    """A model server that ends after so many seconds, comes back after a moment, and at last stays."""
    done = threading.Event()

    async def lives() -> None:
        for length in (*seconds, math.inf):
            async with ColourServer(seconds_per_image=seconds_per_image).running(f"127.0.0.1:{port}"):
                give_up = time.monotonic() + length
                while time.monotonic() < give_up and not done.is_set():
                    await asyncio.sleep(0.02)
            await asyncio.sleep(0.2)

    thread = threading.Thread(target=lambda: asyncio.run(lives()))
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()


def test_an_overloaded_model_server_is_waited_for_and_no_photograph_suffers(tmp_path: Path) -> None:
    photographs = tmp_path / "photographs"
    expected = write_archive(photographs, 60)
    server, watcher = ColourServer(), Watcher()
    server.refusal = (grpc.StatusCode.RESOURCE_EXHAUSTED, "Server Threadpool Exhausted")

    def recover() -> None:
        server.refusal = None

    with in_thread(server) as address, after(1.0, recover):
        run(job(photographs, tmp_path / "out", f"grpc://{address}"), watcher)

    assert said(rows(tmp_path / "out"), photographs) == expected
    assert watcher.reasons


def test_a_model_server_that_restarts_is_tested_again_and_the_run_goes_on(tmp_path: Path) -> None:
    photographs, port, watcher = tmp_path / "photographs", free_port(), Watcher()
    expected = write_archive(photographs, 400)

    with lives_of_a_server(port, 0.8, 0.8, 0.8, seconds_per_image=0.004):
        run(job(photographs, tmp_path / "out", f"grpc://127.0.0.1:{port}"), watcher)

    assert said(rows(tmp_path / "out"), photographs) == expected
    assert watcher.reasons


def test_nothing_that_answers_for_long_ends_the_run_which_goes_on_later(tmp_path: Path) -> None:
    photographs = tmp_path / "photographs"
    expected = write_archive(photographs, 100)
    server = ColourServer(seconds_per_image=0.005)

    class Refuses(Watcher):
        def rows(self, rows: object) -> None:
            del rows
            server.refusal = (grpc.StatusCode.UNAVAILABLE, "The batch scheduling queue is full")

    with in_thread(server) as address:
        with pytest.raises(TargetAwayError, match=r"nothing has answered for 0\.5 s"):
            run(job(photographs, tmp_path / "out", f"grpc://{address}", wait_seconds=0.5), Refuses())
        server.refusal = None
        run(job(photographs, tmp_path / "out", f"grpc://{address}"))

    assert said(rows(tmp_path / "out"), photographs) == expected


def test_a_gateway_answers_as_its_model_server_does(tmp_path: Path) -> None:
    photographs = tmp_path / "photographs"
    expected = write_archive(photographs, 60)
    with in_thread(ColourServer()) as address, colour_gateway(address, tmp_path) as gateway:
        run(job(photographs, tmp_path / "server", f"grpc://{address}"))
        over_http = finished(photographs, "--top", "3", to=gateway.url, out=tmp_path / "gateway")

    assert over_http.returncode == 0, over_http.stderr
    assert said(rows(tmp_path / "gateway"), photographs) == expected
    assert comparable(rows(tmp_path / "gateway"), "detail") == comparable(rows(tmp_path / "server"), "detail")


def test_a_gateway_whose_model_server_is_away_for_a_while_is_waited_for(tmp_path: Path) -> None:
    photographs, port = tmp_path / "photographs", free_port()
    expected = write_archive(photographs, 100)

    with (
        lives_of_a_server(port, 1.5, seconds_per_image=0.01),
        colour_gateway(f"127.0.0.1:{port}", tmp_path) as gateway,
    ):
        over_http = finished(photographs, to=gateway.url, out=tmp_path / "out")

    assert over_http.returncode == 0, over_http.stderr
    assert said(rows(tmp_path / "out"), photographs) == expected


def test_a_disk_that_fills_ends_it_with_one_line_and_with_room_it_goes_on(tmp_path: Path) -> None:
    photographs = tmp_path / "photographs"
    expected = write_archive(photographs, 600)
    with in_thread(ColourServer()) as address, mounted(tmp_path / "disk", size="8m") as disk:
        to, out, filler = f"grpc://{address}", disk / "out.parquet", disk / "filler"
        filler.write_bytes(bytes(shutil.disk_usage(disk).free - 900_000))

        full = finished(photographs, "--model", "toy", to=to, out=out)
        filler.unlink()
        again = finished(photographs, "--model", "toy", to=to, out=out)

        assert full.returncode == 1
        assert re.fullmatch(r"Error: .*(disk is full|No space left on device).*\n", full.stderr)
        assert again.returncode == 0, again.stderr
        assert 0 < json.loads(again.stdout)["new"] < len(expected)
        assert said(rows(out), photographs) == expected


def test_an_output_that_cannot_be_written_is_said_so_before_any_work(tmp_path: Path) -> None:
    photographs = tmp_path / "photographs"
    write_archive(photographs, 10)
    (tmp_path / "file").write_text("")
    server = ColourServer()
    with in_thread(server) as address, pytest.raises(OutputError, match="Not a directory"):
        run(job(photographs, tmp_path / "file" / "out", f"grpc://{address}"))

    assert not server.batch_sizes
