"""`miwake score` as a user starts it."""

from __future__ import annotations

import contextlib
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from tests.ctrl_c import heed_ctrl_c


def command(*arguments: str | Path, to: str, out: Path) -> list[str]:
    score = [sys.executable, "-m", "miwake", "score", *map(str, arguments)]
    return [*score, "--to", to, "--out", str(out), "--part-rows", "40"]


@contextlib.contextmanager
def started(*arguments: str | Path, to: str, out: Path) -> Iterator[subprocess.Popen[str]]:
    """Ended on leaving, if it has not by then."""
    process = subprocess.Popen(
        command(*arguments, to=to, out=out),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=heed_ctrl_c,  # noqa: PLW1509 - it only resets a signal
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def finished(*arguments: str | Path, to: str, out: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command(*arguments, to=to, out=out), capture_output=True, text=True, check=False, timeout=120
    )
