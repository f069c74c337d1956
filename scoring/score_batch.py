"""Scoring from a program of one's own: a notebook, pandas, Spark, Ray.

with Scorer("grpc://tf-serving:8500", model="flowers") as scorer:
    batch = scorer.score_batch(["rose.jpg", rose_bytes])   # a pyarrow.RecordBatch

def score(frames):                                         # Spark: data.mapInPandas(score, SCHEMA)
    with Scorer("grpc://tf-serving:8500", model="flowers") as scorer:
        for frame in frames:
            yield scorer.score_batch(frame["path"]).to_pandas()
"""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import pyarrow as pa
from anyio.from_thread import BlockingPortal, start_blocking_portal

from contract.image import DEFAULT_MAX_PIXELS
from scoring.first_error import first_error
from scoring.job import DEFAULT_MAX_IMAGE_BYTES
from scoring.patience import Patience
from scoring.quarantine import Quarantine
from scoring.row import Extras, Row, record_batch
from scoring.sources.reader import Reader
from scoring.step import Photograph, Step
from scoring.targets.opening import Address, open_target
from scoring.targets.target import Pinned, Target, Wanted


class Scorer:
    """A target that stays open from entering to leaving, for any number of batches of one version.

    Args:
        to: as `miwake score --to`.
        model: its name there; a gateway has a default, a folder its own.
        version: None for the newest when entering.
        top_k: candidates an image.
        embeddings: whether rows have an `embedding`.
        heatmaps: whether rows have a `heatmap`.
        api_key: for a gateway that asks for one.
        max_image_bytes: of a photograph; more is refused.
        max_image_pixels: the same, by its header.
        wait_seconds: for a target that answers nothing.
        threads: that read and decode; by default one a core.
        calls: batches, of 4 images at a gateway, under way at once; None for what suits the target.
        quarantine: a folder for copies of refused files.
    """

    def __init__(  # noqa: PLR0913 - one argument a choice
        self,
        to: str | Path,
        *,
        model: str | None = None,
        version: int | None = None,
        top_k: int = 5,
        embeddings: bool = False,
        heatmaps: bool = False,
        api_key: str | None = None,
        max_image_bytes: int = DEFAULT_MAX_IMAGE_BYTES,
        max_image_pixels: int = DEFAULT_MAX_PIXELS,
        wait_seconds: float = 600.0,
        threads: int | None = None,
        calls: int | None = None,
        quarantine: Path | None = None,
    ) -> None:
        self._address = Address(to=str(to), model=model, api_key=api_key)
        extras = Extras(embedding=embeddings, heatmap=heatmaps)
        self._wanted = Wanted(top_k=top_k, extras=extras, max_pixels=max_image_pixels)
        self._version = version
        self._max_image_bytes = max_image_bytes
        self._patience = Patience(wait_seconds)
        self._threads = threads or os.cpu_count() or 1
        self._calls = calls
        self._quarantine = Quarantine(quarantine) if quarantine else None
        self._stack = contextlib.ExitStack()

    def __enter__(self) -> Self:
        """Connect, and pin the version.

        Raises:
            MiwakeError: see `scoring.targets.opening.open_target` and `Target.pin`.
        """
        with self._stack as stack:  # closed here where something below fails
            self._portal: BlockingPortal = stack.enter_context(start_blocking_portal())
            opening = open_target(self._address, self._wanted, version=self._version)
            self._target: Target = stack.enter_context(self._portal.wrap_async_context_manager(opening))
            self.pinned: Pinned = self._portal.call(self._pin)
            reader = stack.enter_context(Reader(max_bytes=self._max_image_bytes))
            threads = stack.enter_context(ThreadPoolExecutor(self._threads))
            self._step = Step(
                self._target,
                reader=reader,
                patience=self._patience,
                threads=threads,
                quarantine=self._quarantine,
            )
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._stack.close()

    def score_batch(self, photographs: Iterable[str | Path | bytes]) -> pa.RecordBatch:
        """Label photographs, in the order given, however many there are.

        Args:
            photographs: paths or URLs, or the encoded bytes themselves, whose `path` is empty.

        Returns:
            A row each, with the columns of `scoring.row.schema`; one that was refused has a `code`.

        Raises:
            VersionNotFoundError: the version is not served any more.
            TargetAwayError: nothing has answered for `wait_seconds`.
            MiwakeError: another error of the target's.
            TypeError: a single photograph.
        """
        return record_batch(self.rows(photographs), self._wanted.extras)

    def rows(self, photographs: Iterable[str | Path | bytes]) -> list[Row]:
        """The same as values, without pyarrow's types."""
        if isinstance(photographs, str | os.PathLike | bytes | bytearray | memoryview):
            raise TypeError("photographs are several, as [photograph]")
        given: list[Photograph] = [
            bytes(p) if isinstance(p, bytes | bytearray | memoryview) else str(p) for p in photographs
        ]
        return self._portal.call(self._rows, given)

    async def _pin(self) -> Pinned:
        return await self._patience.ask(lambda: self._target.pin(self._version))

    async def _rows(self, photographs: Sequence[Photograph]) -> list[Row]:
        """A few batches at a time, so that a long list takes no more memory than its rows."""
        size = self._target.batch_size
        places = asyncio.Semaphore(self._threads + (self._calls or self._target.calls))

        async def batch(start: int) -> list[Row]:
            async with places:
                loaded = await self._step.load(photographs[start : start + size], self.pinned)
                return await self._step.answer(loaded, self.pinned)

        with first_error():
            async with asyncio.TaskGroup() as group:
                tasks = [group.create_task(batch(start)) for start in range(0, len(photographs), size)]
        return [row for task in tasks for row in task.result()]


def score_batch(
    photographs: Iterable[str | Path | bytes], *, to: str | Path, **choices: Any
) -> pa.RecordBatch:
    """Label photographs once; for more than one batch a `Scorer` stays connected.

    Args:
        photographs: see `Scorer.score_batch`, also for what it returns and raises.
        to: see `Scorer`.
        **choices: the other arguments of `Scorer`.
    """
    with Scorer(to, **choices) as scorer:
        return scorer.score_batch(photographs)
