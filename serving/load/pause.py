"""Leaving a model server alone for a moment after it said that it has too much to do."""

from __future__ import annotations

import time
from collections.abc import Callable

_FIRST_SECONDS = 0.1
_LONGEST_SECONDS = 1.6


class Pause:
    """Twice as long each time that it says so again, until it answers."""

    def __init__(self, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._length = 0.0
        self._until = clock()

    @property
    def seconds(self) -> float:
        """How long it still is; 0 where there is none."""
        return max(0.0, self._until - self._clock())

    def begin(self) -> None:
        """It has too much to do. The calls of one moment are refused together: that counts once."""
        if not self.seconds:
            self._length = min(max(_FIRST_SECONDS, 2 * self._length), _LONGEST_SECONDS)
            self._until = self._clock() + self._length

    def answered(self) -> None:
        """It has answered: the next pause is a short one."""
        self._length = 0.0
