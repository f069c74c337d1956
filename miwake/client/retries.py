"""When to try again, and after how long."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass

from miwake.client.errors import GatewayError, UnavailableError


@dataclass(frozen=True, kw_only=True)
class Retries:
    """Exponential backoff with jitter. Every call of this client may be repeated: none changes anything.

    Tried again are 429, 503 and broken connections. Nothing else is: what the gateway refused it will refuse
    again, and after a 502 or 504 it has already spent its own second attempt, or all the time there was.

    Attributes:
        attempts: at most, the first included; 1 never tries again.
        first_seconds: before the second attempt; doubled for each one after it.
        most_seconds: which the doubling ends at.
        jitter: gives 0 to 1. Half of each pause is left to it, so that clients that were refused together do
            not come back together.
    """

    attempts: int = 4
    first_seconds: float = 0.2
    most_seconds: float = 5.0
    jitter: Callable[[], float] = random.random

    def __post_init__(self) -> None:
        """Refuse what is no policy.

        Raises:
            ValueError: no attempt, or a negative pause.
        """
        if self.attempts < 1 or self.first_seconds < 0 or self.most_seconds < 0:
            raise ValueError("attempts is at least 1, and seconds are not negative")

    def pause_seconds(self, error: GatewayError, *, attempts_made: int) -> float | None:
        """How long to wait after that many attempts, the last of which failed like this; None to give up.

        What the gateway asked for in `Retry-After` is the least; the jitter is added to it.
        """
        if not isinstance(error, UnavailableError) or attempts_made >= self.attempts:
            return None
        doublings = min(attempts_made - 1, 32)  # a float's exponent has an end
        most = min(self.most_seconds, self.first_seconds * 2.0**doublings)
        if error.retry_after_seconds is not None:
            return error.retry_after_seconds + self.jitter() * most / 2
        return (1 + self.jitter()) * most / 2
