"""`miwake score --engine ray` on a cluster of two nodes, one of which is killed, as the driver is."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from tests.colour_server import COLOURS, ColourServer, in_thread
from tests.pictures import colour_picture
from tests.ray_cluster import RayCluster, two_nodes

pytestmark = pytest.mark.slow

LONGEST_WAIT_SECONDS = 250
NOT_A_PICTURE = b"not a picture"


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RayCluster]:
    with two_nodes(tmp_path_factory.mktemp("cluster")) as cluster:
        yield cluster


class Scoring:
    """One command, which may be given again and again."""

    def __init__(self, photographs: Path, address: str, out: Path, *more: str) -> None:
        self.command = (
            *(sys.executable, "-m", "miwake", "score", str(photographs)),
            *("--to", f"grpc://{address}", "--model", "toy", "--out", str(out), "--part-rows", "500", *more),
        )
        self._out = out

    def start(self) -> subprocess.Popen[str]:
        return subprocess.Popen(self.command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def rows(self) -> list[dict[str, object]]:
        """Of its output, but for the time they took."""
        rows: list[dict[str, object]] = pq.read_table(self._out).drop_columns(["seconds"]).to_pylist()
        return rows


def write_photographs(folder: Path, count: int) -> Path:
    """Of three colours, and one in a hundred is none."""
    folder.mkdir()
    kinds = [folder.parent / name for name in (*COLOURS, "none")]
    for kind, data in zip(kinds, (*map(colour_picture, COLOURS), NOT_A_PICTURE), strict=True):
        kind.write_bytes(data)
    for number in range(count):
        os.link(kinds[3 if number % 100 == 50 else number % 3], folder / f"{number:06}.png")
    return folder


def until_answered(server: ColourServer, images: int, process: subprocess.Popen[str]) -> None:
    give_up = time.monotonic() + LONGEST_WAIT_SECONDS
    while sum(server.batch_sizes) < images:
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < give_up
        time.sleep(0.02)


def finished(process: subprocess.Popen[str]) -> str:
    """What it printed, once it ended well."""
    out, err = process.communicate(timeout=LONGEST_WAIT_SECONDS)
    assert process.returncode == 0, err
    return out


@pytest.mark.timeout(600)
def test_what_a_worker_gives_up_with_reaches_the_user_as_one_line(
    cluster: RayCluster, tmp_path: Path
) -> None:
    photographs = write_photographs(tmp_path / "photographs", 60)
    quarantine = tmp_path / "none" / "a file cannot be a folder"
    with in_thread(ColourServer()) as address:
        ray = ("--engine", "ray", "--address", cluster.address, "--quarantine", str(quarantine))
        process = Scoring(photographs, address, tmp_path / "rows.parquet", *ray).start()
        out, err = process.communicate(timeout=LONGEST_WAIT_SECONDS)

    digest = hashlib.sha256(NOT_A_PICTURE).hexdigest()[:16]
    assert (process.returncode, out) == (1, "")
    assert err == f"Error: {quarantine}/unsupported_format/{digest}-000050.png: Not a directory\n"


@pytest.mark.timeout(900)
def test_a_node_and_the_driver_are_killed_and_every_photograph_has_its_row_once(
    cluster: RayCluster, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    count = 40_000 if request.config.getoption("--prove") else 2_000
    photographs = write_photographs(tmp_path / "photographs", count)
    server = ColourServer(seconds_per_image=0.001)
    with in_thread(server) as address:
        ray = ("--engine", "ray", "--address", cluster.address)
        on_ray = Scoring(photographs, address, tmp_path / "ray.parquet", *ray)
        process = on_ray.start()
        until_answered(server, count // 3, process)
        process.kill()
        process.communicate()
        process = on_ray.start()
        until_answered(server, 2 * count // 3, process)
        cluster.kill_a_node()
        printed = finished(process)
        here = Scoring(photographs, address, tmp_path / "local.parquet")
        finished(here.start())

    assert printed.count("\n") == 1
    assert [row["path"] for row in on_ray.rows()] == [str(path) for path in sorted(photographs.iterdir())]
    assert on_ray.rows() == here.rows()
