"""Photographs of equal bytes, which are predicted once."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import replace

from scoring.row import Row
from scoring.step import Loaded

# A photograph's number in the ledger, and its path.
Numbered = tuple[int, str]
Entry = tuple[Numbered, Loaded]
_Sorted = tuple[
    Sequence[tuple[int, Row]],  # rows of what was answered before
    Sequence[Entry],  # to be answered now
    Sequence[tuple[Numbered, asyncio.Event]],  # equal to what is being answered, and when that has ended
]


class Repeats:
    """Knows what was answered, and what is just being answered.

    Args:
        answers: rows by digest, of those digests that have one.
    """

    def __init__(self, answers: Callable[[Collection[str]], Awaitable[Mapping[str, Row]]]) -> None:
        self._answers = answers
        self._under_way: dict[str, asyncio.Event] = {}

    @contextlib.asynccontextmanager
    async def sorted_out(self, loaded: Sequence[Entry]) -> AsyncIterator[_Sorted]:
        """What of these has an answer, what is to be answered in the block, and what waits for others.

        Whoever waits does so after its own block: so no two can wait for each other.
        """
        claimed, waiting = self._claim(loaded)
        try:
            # After the claim: nobody else can answer these from here on.
            known = await self._answers({item.sha256 for _, item in claimed if item.sha256 is not None})
            rows = [
                (number, replace(known[item.sha256], path=path, seconds=item.seconds))
                for (number, path), item in claimed
                if item.sha256 is not None and item.sha256 in known
            ]
            fresh = [entry for entry in claimed if entry[1].sha256 not in known]
            yield rows, fresh, waiting
        finally:
            for _, item in claimed:
                if item.sha256 is not None:
                    self._under_way.pop(item.sha256).set()

    def _claim(
        self, loaded: Sequence[Entry]
    ) -> tuple[Sequence[Entry], Sequence[tuple[Numbered, asyncio.Event]]]:
        claimed, waiting = [], []
        for numbered, item in loaded:
            if item.sha256 in self._under_way:
                waiting.append((numbered, self._under_way[item.sha256]))
                continue
            if item.sha256 is not None:  # what cannot be read equals nothing
                self._under_way[item.sha256] = asyncio.Event()
            claimed.append((numbered, item))
        return claimed, waiting
