"""From paths or bytes to rows: the one step of every run, whatever calls it."""

from __future__ import annotations

import asyncio
import hashlib
import itertools
import threading
import time
from collections.abc import Sequence
from concurrent.futures import Executor
from dataclasses import dataclass

from contract.errors import ImageError
from scoring.patience import Patience
from scoring.quarantine import Quarantine
from scoring.row import Row
from scoring.sources.reader import Reader
from scoring.targets.target import Answer, Pinned, Prepared, Target

Photograph = str | bytes


@dataclass(frozen=True, kw_only=True, eq=False)
class Loaded:
    """A photograph that was read, and prepared for one version or refused.

    Attributes:
        path: of it; empty where bytes were given.
        sha256: of its bytes; None where they could not be read.
        prepared: for the target, or why it will never have an answer.
        pinned: the version that it was prepared for.
        seconds: that it took.
    """

    path: str
    sha256: str | None
    prepared: Prepared | ImageError
    pinned: Pinned
    seconds: float


class Step:
    """Reads and prepares in threads, then asks the target.

    Args:
        target: that answers.
        reader: of paths.
        patience: with the target.
        threads: that read and prepare.
        quarantine: for refused photographs.
    """

    def __init__(
        self,
        target: Target,
        *,
        reader: Reader,
        patience: Patience,
        threads: Executor,
        quarantine: Quarantine | None = None,
    ) -> None:
        self._target = target
        self._reader = reader
        self._patience = patience
        self._threads = threads
        self._quarantine = quarantine

    async def load(self, photographs: Sequence[Photograph], pinned: Pinned) -> list[Loaded]:
        """Read and prepare photographs, one after the other, in one of the threads.

        Raises:
            OutputError: the quarantine cannot be written.
        """
        stopped = threading.Event()

        def load() -> list[Loaded]:
            wanted = itertools.takewhile(lambda _: not stopped.is_set(), photographs)
            return [self._load(photograph, pinned) for photograph in wanted]

        try:
            return await asyncio.get_running_loop().run_in_executor(self._threads, load)
        finally:  # where nobody waits any more, the thread ends after the photograph that it has
            stopped.set()

    async def answer(self, loaded: Sequence[Loaded], pinned: Pinned) -> list[Row]:
        """Rows of at most `target.batch_size` photographs, in order.

        Raises:
            VersionNotFoundError: the version they were prepared for does not answer any more.
            TargetAwayError: nothing has answered for too long.
            MiwakeError: another error that ends the run.
        """
        images = [item.prepared for item in loaded if not isinstance(item.prepared, ImageError)]
        started = time.perf_counter()
        answers = iter(
            await self._patience.ask(lambda: self._target.answer(images, pinned)) if images else ()
        )
        each = (time.perf_counter() - started) / max(1, len(images))
        return [
            _refused_row(item, item.prepared)
            if isinstance(item.prepared, ImageError)
            else await self._row(item, next(answers), seconds=each)
            for item in loaded
        ]

    async def _row(self, item: Loaded, answer: Answer | ImageError, *, seconds: float) -> Row:
        if not isinstance(answer, ImageError):
            return _answered_row(item, answer, seconds=seconds)
        # Refused by a gateway, which was sent the bytes as they are.
        if self._quarantine is not None and item.sha256 is not None and isinstance(item.prepared, bytes):
            await asyncio.to_thread(self._quarantine.keep, item.path, item.sha256, item.prepared, answer)
        return _refused_row(item, answer, seconds=seconds)

    def _load(self, photograph: Photograph, pinned: Pinned) -> Loaded:
        started = time.perf_counter()
        path, sha256 = "" if isinstance(photograph, bytes) else photograph, None
        prepared: Prepared | ImageError
        try:
            image_bytes = self._reader.read(photograph)
            sha256 = hashlib.sha256(image_bytes).hexdigest()
            try:
                prepared = self._target.prepare(image_bytes)
            except ImageError as exc:
                prepared = exc
                if self._quarantine is not None:
                    self._quarantine.keep(path, sha256, image_bytes, exc)
        except ImageError as exc:
            prepared = exc
        seconds = time.perf_counter() - started
        return Loaded(path=path, sha256=sha256, prepared=prepared, pinned=pinned, seconds=seconds)


def _refused_row(item: Loaded, refusal: ImageError, *, seconds: float = 0.0) -> Row:
    return Row(
        path=item.path,
        sha256=item.sha256,
        model=item.pinned.model,
        version=item.pinned.version,
        code=refusal.code,
        detail=str(refusal),
        seconds=item.seconds + seconds,
    )


def _answered_row(item: Loaded, answer: Answer, *, seconds: float) -> Row:
    return Row(
        path=item.path,
        sha256=item.sha256,
        label=answer.prediction.label,
        probability=answer.prediction.probability,
        top=answer.prediction.top,
        model=item.pinned.model,
        version=item.pinned.version,
        seconds=item.seconds + seconds,
        embedding=answer.embedding,
        heatmap=answer.heatmap,
    )
