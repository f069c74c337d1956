"""The step in a process of a Ray cluster, and the tables that come to it and go from it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import pyarrow as pa

from contract.errors import MiwakeError
from modelserver.errors import VersionNotFoundError
from scoring.errors import OutputError, ScoringError, TargetAwayError, VersionChangedError
from scoring.job import Job
from scoring.row import Row, record_batch, rows_of
from scoring.score_batch import Scorer
from scoring.targets.target import Pinned

_NUMBER = "number"
_PATH = "path"
_FAILURE = "failure"
_FAILURE_TYPE = pa.list_(pa.string())  # the name of the error's class, and what it says

# An error of ours that comes back as itself; of any other, what it says.
_AS_THEMSELVES = {error.__name__: error for error in (OutputError, TargetAwayError, VersionChangedError)}


def question(photographs: Sequence[tuple[int, str]]) -> pa.Table:
    """(number, path) of photographs, as a table for a worker."""
    paths = [path.encode("utf-8", "surrogateescape") for _, path in photographs]
    return pa.table(
        {
            _NUMBER: pa.array([number for number, _ in photographs], pa.int64()),
            _PATH: pa.array(paths, pa.binary()),
        }
    )


def answer(table: pa.Table) -> list[tuple[int, Row]]:
    """Numbered rows out of a worker's table.

    Raises:
        ScoringError: the worker gave up; of the class that it gave up with, where the run is told so.
    """
    for failure in table.column(_FAILURE).drop_null().to_pylist():
        name, text = failure
        raise _AS_THEMSELVES.get(name, ScoringError)(text)
    rows = [row for batch in table.drop_columns([_NUMBER, _FAILURE]).to_batches() for row in rows_of(batch)]
    return list(zip(table.column(_NUMBER).to_pylist(), rows, strict=True))


class Worker:
    """A target that stays open; made by Ray in a process of its own, and again after that one's end.

    Errors of ours travel as values: Ray would try again what raises, wrap it, and lose its class.

    Args:
        job: of the run.
        pinned: that must answer here too.
        threads: that read and decode.
    """

    def __init__(self, *, job: Job, pinned: Pinned, threads: int) -> None:
        self._extras = job.extras
        self._failure: MiwakeError | None = None
        try:
            self._scorer = _open(job, pinned, threads=threads)
        except MiwakeError as exc:
            self._failure = exc

    def __call__(self, asked: pa.Table) -> pa.Table:
        """Rows for what `question` made, for `answer` to read; from several threads at once."""
        numbers = asked.column(_NUMBER)
        if self._failure is not None:
            return self._failed(self._failure)
        paths = [path.decode("utf-8", "surrogateescape") for path in asked.column(_PATH).to_pylist()]
        try:
            scored = pa.Table.from_batches([self._scorer.score_batch(paths)])
        except MiwakeError as exc:
            return self._failed(exc)
        return _with(scored, numbers, [None] * len(numbers))

    def _failed(self, exc: MiwakeError) -> pa.Table:
        nothing = pa.Table.from_batches([record_batch([_NOBODY], self._extras)])
        name = VersionChangedError.__name__ if isinstance(exc, VersionNotFoundError) else type(exc).__name__
        return _with(nothing, pa.chunked_array([pa.array([0], pa.int64())]), [[name, str(exc)]])


_NOBODY = Row(path="", sha256=None, model="", version=0, seconds=0.0)


def _with(rows: pa.Table, numbers: pa.ChunkedArray, failures: Iterable[list[str] | None]) -> pa.Table:
    return rows.append_column(_NUMBER, numbers).append_column(
        _FAILURE, pa.array(list(failures), _FAILURE_TYPE)
    )


def _open(job: Job, pinned: Pinned, *, threads: int) -> Scorer:
    scorer = Scorer(
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
        threads=threads,
        calls=job.calls,
        quarantine=job.quarantine,
    ).__enter__()
    if scorer.pinned != pinned:
        scorer.__exit__(None, None, None)
        raise VersionChangedError(f"{pinned} is not the same model everywhere in the cluster")
    return scorer
