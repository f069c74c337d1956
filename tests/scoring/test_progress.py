"""What a person at a terminal sees of a run."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import struct
import subprocess
import sys
import termios
from pathlib import Path

import pytest

from scoring.progress import Bar
from tests.colour_server import ColourServer, in_thread
from tests.rows import answered, refused
from tests.scoring.archive import write_archive
from tests.scoring.score_process import command

pytestmark = pytest.mark.slow


@pytest.fixture
def terminal() -> tuple[int, int]:
    """Both ends, the person's first; of 24 lines of 150 characters."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 150, 0, 0))
    return ours, theirs


def seen(terminal: int) -> str:
    """All that was written, by now that nobody has the other end."""
    text = b""
    while True:
        try:
            text += os.read(terminal, 10_000)
        except OSError:  # so Linux says that it is the end
            os.close(terminal)
            return text.decode()


def test_a_terminal_shows_rate_time_left_and_errors_and_at_the_end_what_came_of_it(
    tmp_path: Path, terminal: tuple[int, int]
) -> None:
    write_archive(tmp_path / "photographs", 60)
    ours, theirs = terminal
    with in_thread(ColourServer(seconds_per_image=0.02)) as address:
        score = command(
            tmp_path / "photographs", "--model", "toy", to=f"grpc://{address}", out=tmp_path / "out"
        )
        with subprocess.Popen(score, stdout=theirs, stderr=theirs) as process:
            os.close(theirs)
            text = seen(ours)

    assert process.returncode == 0
    assert re.search(r"\d+/63 \[\d\d:\d\d<\d\d:\d\d, +[\d.]+ photographs/s, errors=\d\]", text)
    assert "63 photographs, 3 of them refused" in text
    assert "by toy version 1" in text


def test_a_run_that_goes_on_counts_what_was_done_and_says_why_it_waits(
    monkeypatch: pytest.MonkeyPatch, terminal: tuple[int, int]
) -> None:
    ours, theirs = terminal
    with os.fdopen(theirs, "w") as screen:
        monkeypatch.setattr(sys, "stderr", screen)
        with Bar() as bar:
            bar.listed(50, done=20, errors=2)
            bar.waiting("the model server is away")
            bar.rows([answered("a.jpg"), refused("b.jpg")])
            bar._bar.refresh()

    text = seen(ours)
    assert "20/50" in text
    assert "waiting: the model server is away" in text
    assert re.search(r"22/50 .*errors=3", text)
