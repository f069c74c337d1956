"""Reading, decoding, predicting and writing at the same time, for as many photographs as there are.

Workers each take a few photographs all the way from their paths to rows in the ledger. What they share has
a bound of its own: threads that read and decode, and one that writes. So what is in memory at any moment is
what the workers hold, however many photographs there are.
"""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from concurrent.futures import Executor
from typing import TypeVar

from modelserver.errors import VersionNotFoundError
from scoring.errors import VersionChangedError
from scoring.first_error import first_error
from scoring.output.ledger import Ledger
from scoring.output.sink import Sink
from scoring.patience import Patience
from scoring.pinning import keep
from scoring.repeats import Entry, Numbered, Repeats
from scoring.row import Row
from scoring.step import Step
from scoring.targets.target import Pinned, Target

T = TypeVar("T")

# A version that passes its test and is then not served, again and again, is none to follow.
_MOST_VERSIONS = 10


class Pipeline:
    """One run over what the ledger has as undone.

    Args:
        ledger: of the run.
        sink: that keeps the rows.
        writing: one thread, which alone uses the two.
        target: pinned.
        step: from paths to rows.
        patience: with the target.
        follow: whether another version may go on where the pinned one is not served any more.
        dedupe: predict photographs of equal bytes once.
    """

    def __init__(  # noqa: PLR0913 - what it is wired to
        self,
        *,
        ledger: Ledger,
        sink: Sink,
        writing: Executor,
        target: Target,
        step: Step,
        patience: Patience,
        follow: bool,
        dedupe: bool,
    ) -> None:
        self._ledger = ledger
        self._sink = sink
        self._writing = writing
        self._target = target
        self._step = step
        self._patience = patience
        self._follow_versions = follow
        self._repeats = Repeats(self._answers) if dedupe else None
        self._following = asyncio.Lock()

    async def run(self, pinned: Pinned, *, workers: int) -> Pinned:
        """Score everything that is undone.

        Returns:
            The version that answered last.

        Raises:
            VersionChangedError: the pinned version does not answer any more.
            TargetAwayError: nothing has answered for too long.
            TooManyErrorsError: more photographs were refused than the limits allow.
            OutputError: the disk refuses.
            MiwakeError: another error of the target's.
        """
        self._pinned = pinned
        undone = self._ledger.undone()
        with first_error():
            async with asyncio.TaskGroup() as group:
                for _ in range(workers):
                    group.create_task(self._work(undone))
        return self._pinned

    async def _work(self, undone: Iterator[Numbered]) -> None:
        while some := await self._write(lambda: tuple(itertools.islice(undone, self._target.batch_size))):
            await self._score(some)

    async def _score(self, some: Sequence[Numbered]) -> None:
        """From paths to rows in the ledger, again by the next version where that is allowed."""
        refused = 0
        while some:
            pinned = self._pinned
            loaded = await self._step.load([path for _, path in some], pinned)
            try:
                some = await self._answer(list(zip(some, loaded, strict=True)), pinned)
            except VersionNotFoundError as exc:
                refused += 1
                if refused == _MOST_VERSIONS:
                    raise VersionChangedError(f"{exc}, as it was {refused} times in a row") from exc
                await self._follow(pinned, exc)

    async def _answer(self, loaded: Sequence[Entry], pinned: Pinned) -> Sequence[Numbered]:
        """Answer and record.

        Returns:
            What is to be done again: equal photographs were under way, whose answer is known by now.
        """
        if self._repeats is None:
            await self._record(await self._rows(loaded, pinned))
            return ()
        async with self._repeats.sorted_out(loaded) as (known, fresh, waiting):
            # Known rows too only once all is answered: what is done again was not counted before.
            await self._record([*known, *await self._rows(fresh, pinned)])
        for _, event in waiting:
            await event.wait()
        return [numbered for numbered, _ in waiting]

    async def _rows(self, loaded: Sequence[Entry], pinned: Pinned) -> Sequence[tuple[int, Row]]:
        rows = await self._step.answer([item for _, item in loaded], pinned)
        return [(number, row) for ((number, _), _), row in zip(loaded, rows, strict=True)]

    async def _record(self, rows: Sequence[tuple[int, Row]]) -> None:
        if rows:
            await self._write(lambda: self._sink.keep(rows))

    async def _follow(self, gone: Pinned, why: VersionNotFoundError) -> None:
        async with self._following:
            if self._pinned != gone:  # another worker has done it
                return
            if not self._follow_versions:
                raise VersionChangedError(
                    f"{why}: the run began with {gone}; --follow-versions goes on with what answers now"
                ) from why
            pinned = await self._patience.ask(lambda: self._target.pin(None))
            self._pinned = await self._write(lambda: keep(pinned, self._ledger))

    async def _answers(self, digests: Collection[str]) -> Mapping[str, Row]:
        return await self._write(lambda: self._ledger.answers(digests))

    async def _write(self, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._writing, work)
