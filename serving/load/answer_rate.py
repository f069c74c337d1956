"""How many images are answered in a second."""

from __future__ import annotations

import time
from collections.abc import Callable

_HALF_LIFE_SECONDS = 2.0


class AnswerRate:
    """Images answered per second of the time in which there were any to answer.

    Time with nothing to do tells of the demand, not of what could be answered, and is left out. What was
    seen counts half as much after every two seconds of work. While nothing comes back the rate falls, so
    that a model server that is stuck is known to be slow before it has answered.
    """

    def __init__(self, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._images = 0.0
        self._seconds = 0.0
        self._counted_until: float | None = None  # None while there is nothing to do

    def work_begins(self) -> None:
        """From now on there is something to answer."""
        self._counted_until = self._clock()

    def work_ends(self) -> None:
        """There is nothing to answer any more."""
        self.answered(0)
        self._counted_until = None

    def answered(self, images: int) -> None:
        """So many were, just now."""
        seconds = self._uncounted_seconds()
        kept = 0.5 ** (seconds / _HALF_LIFE_SECONDS)
        self._images = self._images * kept + images
        self._seconds = self._seconds * kept + seconds
        if self._counted_until is not None:
            self._counted_until = self._clock()

    @property
    def per_second(self) -> float | None:
        """None before the first answer."""
        seconds = self._seconds + self._uncounted_seconds()
        return self._images / seconds if self._images and seconds else None

    def _uncounted_seconds(self) -> float:
        return 0.0 if self._counted_until is None else self._clock() - self._counted_until
