"""Scoring on a Ray cluster: the same step as a Ray Data pipeline, the same ledger where the run was begun."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import logging
from collections.abc import Iterator
from typing import Any

import pyarrow as pa
import ray
import ray.data
from ray.exceptions import RayError

from contract.errors import MiwakeError
from scoring.errors import ScoringError, VersionChangedError
from scoring.job import Job
from scoring.output.ledger import Ledger
from scoring.output.parts import Parts
from scoring.output.sink import Sink
from scoring.patience import Patience
from scoring.pinning import pin
from scoring.row import rows_of
from scoring.run import Engine, Progress
from scoring.score_batch import Scorer
from scoring.targets.opening import open_target
from scoring.targets.target import Pinned

# What a worker that is lost has to do again at most, and what is on its way to the ledger at once.
_BLOCK_ROWS = 256
_NUMBER = "number"
_PATH = "path"


def ray_engine(address: str | None) -> Engine:
    """An engine on the cluster at this address; None for what Ray itself finds or starts."""

    def engine(job: Job, ledger: Ledger, parts: Parts, progress: Progress) -> Pinned:
        _refuse_what_needs_one_machine(job)
        pinned = asyncio.run(_pin(job, ledger, progress))
        sink = Sink(ledger, parts, max_errors=job.max_errors, on_rows=progress.rows)
        with _cluster(address):
            for batch in _answers(job, ledger, pinned):
                numbers = batch.column(_NUMBER).to_pylist()
                rows = rows_of(batch.drop_columns([_NUMBER]))
                sink.keep(list(zip(numbers, rows, strict=True)))
        return pinned

    return engine


@contextlib.contextmanager
def _cluster(address: str | None) -> Iterator[None]:
    """Connected for the block, unless the program already is."""
    connected = ray.is_initialized()
    try:
        ray.init(address=address, ignore_reinit_error=True, log_to_driver=False, logging_level=logging.ERROR)
        yield
    except (RayError, ConnectionError) as exc:
        raise _ours(exc) from exc
    finally:
        if not connected:
            ray.shutdown()


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
    async with open_target(job.address, job.wanted) as target:
        return await pin(job, ledger, target, patience)


def _answers(job: Job, ledger: Ledger, pinned: Pinned) -> Iterator[pa.Table]:
    dataset = ray.data.from_arrow(list(_blocks(ledger)))
    scored = dataset.map_batches(
        _Score,
        fn_constructor_kwargs={"job": job, "pinned": pinned},
        batch_size=_BLOCK_ROWS,
        batch_format="pyarrow",
        compute=ray.data.ActorPoolStrategy(min_size=1),
    )
    return iter(scored.iter_batches(batch_size=None, batch_format="pyarrow"))


def _blocks(ledger: Ledger) -> Iterator[pa.Table]:
    undone = ledger.undone()
    while some := list(itertools.islice(undone, _BLOCK_ROWS)):
        paths = pa.array([path.encode("utf-8", "surrogateescape") for _, path in some], pa.binary())
        yield pa.table({_NUMBER: pa.array([number for number, _ in some], pa.int64()), _PATH: paths})


class _Score:
    """The step, in a process of the cluster."""

    def __init__(self, *, job: Job, pinned: Pinned) -> None:
        self._scorer = Scorer(
            job.address.to,
            model=job.address.model,
            version=pinned.version,
            api_key=job.address.api_key,
            top_k=job.wanted.top_k,
            embeddings=job.extras.embedding,
            heatmaps=job.extras.heatmap,
            max_image_bytes=job.max_image_bytes,
            max_image_pixels=job.wanted.max_pixels,
            wait_seconds=job.wait_seconds,
            threads=job.threads,
            quarantine=job.quarantine,
        ).__enter__()
        if self._scorer.pinned != pinned:
            raise VersionChangedError(f"{pinned} is not the same model everywhere in the cluster")

    def __call__(self, block: pa.Table) -> pa.Table:
        paths = [path.decode("utf-8", "surrogateescape") for path in block.column(_PATH).to_pylist()]
        scored = pa.Table.from_batches([self._scorer.score_batch(paths)])
        return scored.append_column(_NUMBER, block.column(_NUMBER))


def _ours(exc: Exception) -> Exception:
    """The error of ours that a worker ended with, or one that says what Ray does."""
    cause: Any = getattr(exc, "cause", None)
    while cause is not None and not isinstance(cause, MiwakeError):
        cause = getattr(cause, "cause", None) or cause.__cause__
    return cause or ScoringError(f"Ray: {str(exc).strip().splitlines()[-1]}")
