"""A run that is killed again and again: every photograph once, and the output as if nothing had been."""

from __future__ import annotations

import json
import random
import signal
import subprocess
import time
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from tests.colour_server import ColourServer, in_thread
from tests.scoring.archive import comparable, rows, said, write_archive
from tests.scoring.score_process import finished, started

pytestmark = pytest.mark.slow


@pytest.fixture
def kills(request: pytest.FixtureRequest) -> int:
    return 100 if request.config.getoption("--prove") else 6


@pytest.mark.timeout(1800)
def test_kills_at_any_moment_change_nothing_of_the_output(tmp_path: Path, kills: int) -> None:
    """Some fall into the start, most into the work, as its length is spread over the kills."""
    photographs, out = tmp_path / "photographs", tmp_path / "out.parquet"
    count = 60 * kills
    expected = write_archive(photographs, count)
    server = ColourServer(seconds_per_image=0.004)
    moments = random.Random(7)  # noqa: S311 - no secret
    with in_thread(server) as address:
        to = f"grpc://{address}"
        whole = finished(photographs, "--model", "toy", to=to, out=tmp_path / "whole.parquet")
        assert whole.returncode == 0, whole.stderr
        killed = 0
        while killed < kills:
            with started(photographs, "--model", "toy", to=to, out=out) as process:
                before = sum(server.batch_sizes)
                _wait_for_work(process, server, before, seconds=moments.uniform(0, 0.4))
                if process.poll() is not None:
                    break
                process.send_signal(signal.SIGKILL)
                killed += 1
            _no_torn_file(tmp_path / "out.parquet.ledger")
            assert not out.exists()
        last = finished(photographs, "--model", "toy", to=to, out=out)

    assert killed >= min(kills, 3)
    assert last.returncode == 0, last.stderr
    assert json.loads(last.stdout)["photographs"] == len(expected)
    assert said(rows(out), photographs) == expected
    assert comparable(rows(out)) == comparable(rows(tmp_path / "whole.parquet"))


def _wait_for_work(
    process: subprocess.Popen[str], server: ColourServer, before: int, *, seconds: float
) -> None:
    """Until the first answer of this life and a little longer; one in five comes at any moment before."""
    if seconds < 0.08:
        time.sleep(seconds * 10)
        return
    while process.poll() is None and sum(server.batch_sizes) <= before + 1:
        time.sleep(0.01)
    time.sleep(seconds)


def _no_torn_file(folder: Path) -> None:
    for part in folder.glob("part-*.parquet"):
        pq.ParquetFile(part).close()


def test_ctrl_c_and_sigterm_end_it_at_once_and_it_goes_on(tmp_path: Path) -> None:
    photographs, out = tmp_path / "photographs", tmp_path / "out"
    expected = write_archive(photographs, 300)
    server = ColourServer(seconds_per_image=0.005)
    with in_thread(server) as address:
        to = f"grpc://{address}"
        for number in (signal.SIGINT, signal.SIGTERM):
            with started(photographs, "--model", "toy", to=to, out=out) as process:
                _wait_for_work(process, server, sum(server.batch_sizes), seconds=0.2)
                process.send_signal(number)
                _, said_last = process.communicate(timeout=20)
                assert process.returncode not in {0, -signal.SIGKILL}
                assert "Traceback" not in said_last
        last = finished(photographs, "--model", "toy", to=to, out=out)

    assert json.loads(last.stdout)["new"] < len(expected)
    assert said(rows(out), photographs) == expected


def test_sigterm_ends_what_a_shell_has_started_in_the_background_too(tmp_path: Path) -> None:
    """A shell without job control lets such a process ignore Ctrl-C."""
    photographs, server = tmp_path / "photographs", ColourServer(seconds_per_image=60)
    write_archive(photographs, 10)
    with in_thread(server) as address:
        before = signal.signal(signal.SIGINT, signal.SIG_IGN)
        with started(photographs, "--model", "toy", to=f"grpc://{address}", out=tmp_path / "out") as process:
            signal.signal(signal.SIGINT, before)
            while not server.batch_sizes:
                time.sleep(0.01)
            process.send_signal(signal.SIGTERM)
            _, said_last = process.communicate(timeout=20)

    assert process.returncode == 1
    assert said_last == "\nAborted!\n"
