"""A disk that is full and a clock that jumps: the gateway needs neither."""

from __future__ import annotations

import contextlib
import threading
import time
from pathlib import Path

import httpx
import pytest

from tests.colour_server import ColourServer, colour_gateway, in_thread
from tests.pictures import colour_picture
from tests.small_disk import mounted

pytestmark = pytest.mark.slow

RED = colour_picture("red")
LIBFAKETIME = sorted(Path("/usr/lib").glob("*/faketime/libfaketime.so.1"))


def ask(url: str) -> httpx.Response:
    return httpx.post(f"{url}/predict", content=RED, timeout=30)


def fill(file: Path) -> None:
    """Write until there is no room for a byte more."""
    with file.open("wb", buffering=0) as stream, contextlib.suppress(OSError):
        while stream.write(b"x" * 512):
            pass


def label(response: httpx.Response) -> str:
    return response.json()["predictions"][0]["label"]


def test_a_full_disk_takes_no_more_log_and_the_answers_go_on(tmp_path: Path) -> None:
    with (
        mounted(tmp_path / "disk", size="64k") as disk,
        in_thread(ColourServer()) as address,
        colour_gateway(address, disk) as gateway,
    ):
        filler = disk / "filler"
        fill(filler)
        size = (disk / "log").stat().st_size
        on_a_full_disk = [label(ask(gateway.url)) for _ in range(50)]
        size_then = (disk / "log").stat().st_size
        filler.unlink()
        again = [label(ask(gateway.url)) for _ in range(50)]

        assert set(on_a_full_disk + again) == {"red"}
        assert size_then - size < 4096
        give_up = time.monotonic() + 10
        while (disk / "log").stat().st_size <= size_then:
            assert time.monotonic() < give_up, "the log does not go on"
            time.sleep(0.1)


@pytest.mark.skipif(not LIBFAKETIME, reason="needs libfaketime (Debian: faketime)")
@pytest.mark.parametrize("jump", ["+2d", "-2d"])
def test_a_clock_that_jumps_under_a_request_changes_nothing(tmp_path: Path, jump: str) -> None:
    clock = tmp_path / "clock"
    clock.write_text("+0d\n")
    # As when somebody sets the clock: the monotonic clock goes on.
    environment = {
        "LD_PRELOAD": str(LIBFAKETIME[0]),
        "FAKETIME_TIMESTAMP_FILE": str(clock),
        "FAKETIME_NO_CACHE": "1",
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
    }
    server = ColourServer()
    with pytest.MonkeyPatch.context() as patch, in_thread(server) as address:
        for name, value in environment.items():
            patch.setenv(name, value)
        with colour_gateway(address, tmp_path) as gateway:
            for name in environment:
                patch.delenv(name)
            server.seconds_per_image = 1.0
            answers: list[httpx.Response] = []
            asking = threading.Thread(target=lambda: answers.append(ask(gateway.url)))
            asking.start()
            while len(server.batch_sizes) < 2:  # the self-test's, then this one
                time.sleep(0.01)
            before = server_date(gateway.url)
            clock.write_text(f"{jump}\n")
            after = server_date(gateway.url)
            asking.join()
            server.seconds_per_image = 0.0
            answers += [ask(gateway.url) for _ in range(5)]

    assert abs(after - before) > 86_400  # the gateway does live by that clock
    assert {label(answer) for answer in answers} == {"red"}


def server_date(url: str) -> float:
    """What time the gateway has, by its Prometheus metrics or headers."""
    from email.utils import parsedate_to_datetime

    time.sleep(1.1)  # uvicorn makes the header once a second
    return parsedate_to_datetime(httpx.get(f"{url}/livez").headers["date"]).timestamp()
