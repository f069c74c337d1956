"""A Ray cluster of two nodes on this machine, as a process of its own: `python -m tests.ray_cluster`.

It prints its address. A line on its standard input kills the second node as a power cut would; the end of the
input ends everything. One slot for work a node; the first one's has the driver beside it.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class RayCluster:
    """Runs until its process's input ends."""

    address: str
    process: subprocess.Popen[str]

    def kill_a_node(self) -> None:
        """It is gone when this returns."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write("kill\n")
        self.process.stdin.flush()
        assert self.process.stdout.readline() == "killed\n"


@contextlib.contextmanager
def two_nodes(folder: Path) -> Iterator[RayCluster]:
    """A cluster for the block; `folder` for its log, while Ray's own names are too long for one."""
    command = [sys.executable, "-m", "tests.ray_cluster"]
    # What Ray would tell its makers of every cluster.
    environment = os.environ | {"RAY_USAGE_STATS_ENABLED": "0"}
    log = (folder / "ray.log").open("wb")
    with (
        log,
        subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
            env=environment,
        ) as process,
    ):
        assert process.stdout is not None
        address = process.stdout.readline().strip()
        assert address, (folder / "ray.log").read_text()
        yield RayCluster(address, process)
        # Leaving ends the input, and with it the cluster.


def main() -> None:
    from ray.cluster_utils import Cluster

    slots = {"num_cpus": 1, "object_store_memory": 80 * 1024 * 1024, "include_dashboard": False}
    cluster = Cluster(initialize_head=True, head_node_args=slots, shutdown_at_exit=True)
    second = cluster.add_node(**slots)
    print(cluster.address, flush=True)  # noqa: T201 - who started it reads it
    for _ in sys.stdin:
        cluster.remove_node(second, allow_graceful=False)
        print("killed", flush=True)  # noqa: T201 - the same
    cluster.shutdown()


if __name__ == "__main__":
    main()
