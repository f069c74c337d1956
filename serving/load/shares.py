"""What each caller holds of something that there is only so much of, so that none can take it all."""

from __future__ import annotations

import collections
import contextlib
import math
from collections.abc import Iterator

from serving.callers.errors import RateLimitedError
from serving.load.refusal import OnRefused, Refusal


class Shares:
    """Counts what is held by callers that are known, under their digests.

    Those that are not, whose digest is empty, hold nothing here: all strangers would be one.
    """

    def __init__(self, share: float | None, *, on_refused: OnRefused) -> None:
        """Nobody holds anything.

        Args:
            share: of all there is that one caller may hold, 0 to 1; None for all of it.
            on_refused: told of each refusal.
        """
        self._share = share
        self._on_refused = on_refused
        self._held: collections.Counter[str] = collections.Counter()

    def check(
        self, caller: str, *, more: float, of: float, own: int = 0, retry_after_seconds: float = 1.0
    ) -> None:
        """Refuse what would be more than a share; who holds nothing yet may have as much as it asks for.

        Args:
            caller: its digest.
            more: that it asks for.
            of: all that there is.
            own: what the asking request holds already, which does not count as held by another.
            retry_after_seconds: what a refused caller is told.

        Raises:
            RateLimitedError: it holds its share.
        """
        if self._share is None or not caller:
            return
        held = self._held[caller]
        if held > own and held + more > self._share * of:
            self._on_refused(Refusal.CALLER)
            raise RateLimitedError(
                "this caller has its share of what is under way",
                retry_after_seconds=max(1, math.ceil(retry_after_seconds)),
            )

    def add(self, caller: str, count: int) -> None:
        """It holds so much more, or less."""
        self._held[caller] += count
        if not self._held[caller]:
            del self._held[caller]

    @contextlib.contextmanager
    def held(self, caller: str, count: int = 1) -> Iterator[None]:
        """It holds so much more for the block."""
        self.add(caller, count)
        try:
            yield
        finally:
            self.add(caller, -count)
