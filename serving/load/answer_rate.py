"""How many images are answered in a second."""

from __future__ import annotations

import math
import time
from collections.abc import Callable

_HALF_LIFE_SECONDS = 2.0


class AnswerRate:
    """Images answered per second of the time in which there were any to answer.

    Time with nothing to do tells of the demand, not of what could be answered, and is left out. An image,
    and a moment of work, count half as much after every two seconds of work: an exponentially weighted mean,
    taken over time. While nothing comes back the rate falls, so that a model server that is stuck is known
    to be slow before it has answered; and however long it was stuck, a few seconds of work make up for it.
    Of answers much further apart than two seconds it thinks too well, by up to the ratio of the two.
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
        self._images, self._seconds = self._as_of_now()
        self._images += images
        if self._counted_until is not None:
            self._counted_until = self._clock()

    @property
    def per_second(self) -> float | None:
        """None before the first answer."""
        images, seconds = self._as_of_now()
        return images / seconds if images and seconds else None

    def _as_of_now(self) -> tuple[float, float]:
        """Images and seconds, weighted: the integral of the weight over the time not counted yet is added."""
        kept = 0.5 ** (self._uncounted_seconds() / _HALF_LIFE_SECONDS)
        return self._images * kept, self._seconds * kept + (1 - kept) * _HALF_LIFE_SECONDS / math.log(2)

    def _uncounted_seconds(self) -> float:
        return 0.0 if self._counted_until is None else self._clock() - self._counted_until
