"""Listing takes the same memory for many photographs as for few, wherever they lie."""

from __future__ import annotations

import contextlib
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.archives import write_tar, write_zip
from tests.file_server import file_server

pytestmark = pytest.mark.slow

# Lists, reads the last one, and says by how much that raised the most that the process ever had.
PROGRAM = """
import pathlib, sys
import fsspec
from fsspec.implementations.local import LocalFileSystem
from scoring.sources.listing import list_source
from scoring.sources.reader import Reader

class Store(LocalFileSystem):
    protocol = "store"

    @classmethod
    def _strip_protocol(cls, path):
        return super()._strip_protocol(path.removeprefix("store://"))

fsspec.register_implementation("store", Store)

def peak():
    status = pathlib.Path("/proc/self/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) * 1024

few, many = sys.argv[1:]
with Reader(max_bytes=10) as reader:  # what the first archive loads is not meant
    for count, listed in enumerate(list_source(few), 1):
        pass
    reader.read(listed.path)
before = peak()
with Reader(max_bytes=10) as reader:
    for count, listed in enumerate(list_source(many), 1):
        pass
    reader.read(listed.path)
print(count, peak() - before)
"""


IN_A_FOLDER = 1000  # where the store says all of a folder at once


def _archive(folder: Path, kind: str, count: int) -> Path:
    names = {f"photographs/image_{number:07}.jpg": b"" for number in range(count)}
    if kind == "zip":
        return write_zip(folder / f"{count}.zip", names)
    if kind.startswith("tar"):
        return write_tar(folder / f"{count}.{kind}", names, mode="w:gz" if kind == "tar.gz" else "w")
    for number in range(count):
        below = f"{number // IN_A_FOLDER:03}" if kind == "store" else "photographs"
        path = folder / str(count) / below / f"image_{number:07}.jpg"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    return folder / str(count)


@contextlib.contextmanager
def _source(archive: Path, kind: str) -> Iterator[str]:
    if kind == "web":
        with file_server(archive.parent) as url:
            yield f"{url}/{archive.name}/"
    else:
        yield f"store://{archive}" if kind == "store" else str(archive)


@pytest.mark.parametrize("kind", ["folder", "zip", "tar", "tar.gz", "web", "store"])
def test_many_names_take_no_more_memory_than_few(
    tmp_path: Path, kind: str, request: pytest.FixtureRequest
) -> None:
    many = 500_000 if request.config.getoption("--prove") else 30_000
    archives = [_archive(tmp_path, kind, count) for count in (100, many)]

    with _source(archives[0], kind) as few_names, _source(archives[1], kind) as many_names:
        listed = subprocess.run(
            [sys.executable, "-c", PROGRAM, few_names, many_names], check=True, capture_output=True, text=True
        )
    count, more = map(int, listed.stdout.split())

    assert count == many
    assert more < 10e6, f"{more / 1e6:.0f} MB more for {many:,} names"
