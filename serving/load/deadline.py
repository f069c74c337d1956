"""The time one request may take, spent by every wait on its way."""

from __future__ import annotations

import time
from dataclasses import dataclass

from modelserver.errors import DeadlineExceededError


@dataclass(frozen=True)
class Deadline:
    """A moment on the monotonic clock."""

    at: float

    @classmethod
    def after(cls, seconds: float) -> Deadline:
        """That many seconds from now."""
        return cls(time.monotonic() + seconds)

    def remaining_seconds(self) -> float:
        """What is left.

        Raises:
            DeadlineExceededError: nothing is.
        """
        remaining = self.at - time.monotonic()
        if remaining <= 0:
            raise DeadlineExceededError("the request took longer than it may")
        return remaining
