"""`miwake score` takes no more memory for many photographs than for few."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.colour_server import COLOURS
from tests.pictures import colour_picture

pytestmark = pytest.mark.slow

# At its end, whatever it took at its highest.
PROGRAM = (
    "import atexit, pathlib, sys;"
    "atexit.register(lambda: print(pathlib.Path('/proc/self/status').read_text(), file=sys.stderr));"
    "from miwake.cli import main; main()"
)
LINKS_OF_ONE_FILE = 10_000  # a file system has a most
IN_A_FOLDER = 1000


@pytest.fixture
def server() -> Iterator[str]:
    """The address of one that answers at once, in a process of its own."""
    serve = ("-m", "tests.fixed_rate_server", "--images-per-second", "1e9", "--size", "8", "--batch", "32")
    with subprocess.Popen([sys.executable, *serve], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        yield process.stdout.readline().strip()
        process.terminate()


def write_photographs(folder: Path, count: int) -> Path:
    for number in range(count):
        source = folder.with_name(f"{folder.name}-{number // LINKS_OF_ONE_FILE}.png")
        if number % LINKS_OF_ONE_FILE == 0:
            source.write_bytes(colour_picture(COLOURS[number // LINKS_OF_ONE_FILE % 3]))
        inside = folder / f"{number // IN_A_FOLDER:04}"
        if number % IN_A_FOLDER == 0:
            inside.mkdir(parents=True)
        os.link(source, inside / f"{number:07}.png")
    return folder


def peak_bytes(photographs: Path, server: str, *, count: int) -> int:
    out = photographs.with_suffix(".parquet")
    score = ("score", str(photographs), "--to", f"grpc://{server}", "--model", "toy", "--out", str(out))
    ended = subprocess.run(
        [sys.executable, "-c", PROGRAM, *score], capture_output=True, text=True, check=False, timeout=1000
    )
    assert ended.returncode == 0, ended.stderr
    assert json.loads(ended.stdout)["photographs"] == count
    match = re.search(r"VmHWM:\s+(\d+) kB", ended.stderr)
    assert match
    return int(match[1]) * 1024


@pytest.mark.timeout(1200)
def test_many_photographs_take_no_more_memory_than_few(
    tmp_path: Path, server: str, request: pytest.FixtureRequest
) -> None:
    many = 200_000 if request.config.getoption("--prove") else 20_000
    few = peak_bytes(write_photographs(tmp_path / "few", 2_000), server, count=2_000)
    more = peak_bytes(write_photographs(tmp_path / "many", many), server, count=many)

    assert more - few < 50e6, f"{few / 1e6:.0f} MB for 2,000, {more / 1e6:.0f} MB for {many:,}"
