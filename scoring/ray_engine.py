"""Scoring on a Ray cluster: the same step as a Ray Data pipeline, the same ledger where the run was begun.

The driver alone has the ledger open. The cluster is sent numbers and paths and sends rows back; what it loses
with a node it makes again, and what had reached the ledger before the driver's end is never asked for again.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import logging
import os
import signal
import socket
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path

import pyarrow as pa
import ray
import ray.data
from ray.exceptions import RayError

from scoring.errors import ScoringError
from scoring.job import Job
from scoring.output.ledger import Ledger
from scoring.output.parts import Parts
from scoring.output.sink import Sink
from scoring.patience import Patience
from scoring.pinning import pin, version_to_pin
from scoring.ray_worker import Worker, answer, question
from scoring.run import Engine, Progress
from scoring.targets.opening import open_target
from scoring.targets.target import Pinned

# What is sent to a worker at once. Of what it had when it is lost, some of these are made again.
_BLOCK_ROWS = 256
# A million paths are in memory at once; the workers begin anew with each million.
_BLOCKS_AT_ONCE = 4000
# Of each worker: while the last photographs of one block are answered, those of the next are read.
_BLOCKS_PER_WORKER = 2
_REACH_SECONDS = 10
_WORDS = {"auto", "local"}


def ray_engine(address: str | None) -> Engine:
    """An engine on the cluster at this address; None for what Ray itself finds or starts."""

    def engine(job: Job, ledger: Ledger, parts: Parts, progress: Progress) -> Pinned:
        _refuse_what_needs_one_machine(job)
        pinned = asyncio.run(_pin(job, ledger, progress))
        sink = Sink(ledger, parts, max_errors=job.max_errors, on_rows=progress.rows)
        with _cluster(address):
            for table in _answers(job, ledger, pinned):
                sink.keep(answer(table))
        return pinned

    return engine


def _refuse_what_needs_one_machine(job: Job) -> None:
    if job.dedupe:
        raise ScoringError(
            "--dedupe needs --engine local: the machines of a cluster do not know each other's answers"
        )
    if job.follow_versions:
        raise ScoringError(
            "--follow-versions needs --engine local: the machines of a cluster would not follow at once"
        )


async def _pin(job: Job, ledger: Ledger, progress: Progress) -> Pinned:
    patience = Patience(job.wait_seconds, on_wait=progress.waiting)
    async with open_target(job.address, job.wanted, version=version_to_pin(job, ledger)) as target:
        return await pin(job, ledger, target, patience)


@contextlib.contextmanager
def _cluster(address: str | None) -> Iterator[None]:
    """Connected for the block, unless the program already is."""
    connected = ray.is_initialized()
    # Ray tells on standard output what befalls its nodes, where a program reads our answer. Its files have it
    # too.
    with Path(os.devnull).open("w") as nowhere, contextlib.redirect_stdout(nowhere):
        if not connected:
            _connect(address)
        try:
            with _sigterm_as_ctrl_c():
                yield
        except RayError as exc:
            raise ScoringError(f"Ray: {_last_line(exc)}") from exc
        finally:
            if not connected:
                ray.shutdown()


@contextlib.contextmanager
def _sigterm_as_ctrl_c() -> Iterator[None]:
    """As with the local engine; Ray prints a stack, and exits with the signal's number."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    rays = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, rays)


def _refuse_unreachable(address: str) -> None:
    """Ray itself would try for many minutes."""
    host, _, port = address.removeprefix("ray://").rpartition(":")
    try:
        socket.create_connection((host, int(port)), _REACH_SECONDS).close()
    except ValueError as exc:
        raise ScoringError(f"--address {address} is neither HOST:PORT nor auto") from exc
    except OSError as exc:
        raise ScoringError(f"no Ray at {address}: {exc.strerror or exc}") from exc


def _connect(address: str | None) -> None:
    if address is not None and address not in _WORDS:
        _refuse_unreachable(address)
    # Where Ray starts a cluster for us, it tells its makers nothing.
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    os.environ.setdefault("RAY_BACKEND_LOG_LEVEL", "fatal")
    try:
        with _no_standard_error():  # the C++ part says that it was told the level
            ray.init(
                address=address, log_to_driver=False, logging_level=logging.ERROR, include_dashboard=False
            )
    # Not there, not Ray, or of another version: this is the border.
    except (RayError, ConnectionError, RuntimeError, ValueError) as exc:
        raise ScoringError(f"Ray at {address or 'its usual address'}: {_last_line(exc)}") from exc
    context = ray.data.DataContext.get_current()
    context.enable_progress_bars = False
    context.print_on_execution_start = False
    for handler in logging.getLogger("ray.data").handlers:
        if handler.name == "console":  # its files keep what it has to say
            handler.setLevel(logging.CRITICAL)


@contextlib.contextmanager
def _no_standard_error() -> Iterator[None]:
    """Of the process, for what does not write to it through Python."""
    kept = os.dup(2)
    try:
        with Path(os.devnull).open("w") as nowhere:
            os.dup2(nowhere.fileno(), 2)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)


def _answers(job: Job, ledger: Ledger, pinned: Pinned) -> Iterator[pa.Table]:
    blocks, cpus = _blocks(ledger), _cpus_of_a_worker(job)
    while some := list(itertools.islice(blocks, _BLOCKS_AT_ONCE)):
        workers = max(1, sum(_cpus_of_nodes()) // cpus)
        scored = ray.data.from_arrow(some).map_batches(
            Worker,
            fn_constructor_kwargs={"job": job, "pinned": pinned, "threads": job.threads_on(cpus)},
            batch_size=None,  # a block
            batch_format="pyarrow",
            num_cpus=cpus,
            compute=ray.data.ActorPoolStrategy(
                min_size=1,
                initial_size=min(workers, len(some)),
                max_concurrent_calls_per_actor=_BLOCKS_PER_WORKER,
                enable_true_multi_threading=True,
            ),
        )
        yield from scored.iter_batches(batch_size=None, batch_format="pyarrow")


def _blocks(ledger: Ledger) -> Iterator[pa.Table]:
    undone = ledger.undone()
    while some := list(itertools.islice(undone, _BLOCK_ROWS)):
        yield question(some)


def _cpus_of_a_worker(job: Job) -> int:
    """One; where each starts a model server, which uses every core, those of the smallest node."""
    if job.address.starts_a_server:
        return max(1, min(_cpus_of_nodes()))
    return 1


def _cpus_of_nodes() -> Sequence[int]:
    nodes = ray.nodes()  # type: ignore[no-untyped-call]
    alive = [node["Resources"] for node in nodes if node["Alive"]]
    return [int(resources["CPU"]) for resources in alive if resources.get("CPU")] or [1]


def _last_line(exc: Exception) -> str:
    return (str(exc).strip() or type(exc).__name__).splitlines()[-1].strip()
