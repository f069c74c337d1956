"""Waiting for a model server or gateway that has too much to do, or is away."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

from modelserver.errors import (
    DeadlineExceededError,
    ModelServerAwayError,
    ModelServerFaultError,
    OverloadedError,
)
from scoring.errors import TargetAwayError

T = TypeVar("T")

_FIRST_PAUSE_SECONDS = 0.1
_LONGEST_PAUSE_SECONDS = 10.0
# What fails in these ways may fail for ever, though everything else goes well.
_MOST_FAULTS = 5


class Patience:
    """Asks again, until nothing at all has answered for too long.

    Args:
        wait_seconds: without any answer to what is asked through this object, while something is asked.
        sleep: waits.
        now: a monotonic clock, in seconds.
        on_wait: told why, before each pause.
    """

    def __init__(
        self,
        wait_seconds: float,
        *,
        sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
        now: Callable[[], float] = time.monotonic,
        on_wait: Callable[[str], object] = lambda _: None,
    ) -> None:
        self._wait_seconds = wait_seconds
        self._sleep = sleep
        self._now = now
        self._on_wait = on_wait
        self._answered_at = now()

    async def ask(self, ask: Callable[[], Awaitable[T]]) -> T:
        """What `ask` gives in the end.

        Raises:
            TargetAwayError: it was away or overloaded for `wait_seconds`.
            MiwakeError: any other, at once; a call that ran into its deadline or broke something, after a
                few tries.
        """
        asked_at, pause, faults = self._now(), _FIRST_PAUSE_SECONDS, 0
        while True:
            try:
                answer = await ask()
            except (ModelServerAwayError, OverloadedError) as exc:
                left = self._left_or_give_up(asked_at, exc)
                told = exc.retry_after_seconds if isinstance(exc, OverloadedError) else 0.0
            except (DeadlineExceededError, ModelServerFaultError) as exc:
                faults, told = faults + 1, 0.0
                if faults >= _MOST_FAULTS:
                    raise
                left = self._left_or_give_up(asked_at, exc)
            else:
                self._answered_at = self._now()
                return answer
            # Not all at once when it is back; and whoever is told to come back too late tries at the end.
            await self._sleep(min(left, max(told, pause * random.uniform(0.5, 1.0))))  # noqa: S311 - no secret
            pause = min(2 * pause, _LONGEST_PAUSE_SECONDS)

    def _left_or_give_up(self, asked_at: float, exc: Exception) -> float:
        """Seconds that may still be waited; time in which nothing was asked does not count."""
        left = max(self._answered_at, asked_at) + self._wait_seconds - self._now()
        if left <= 0:
            raise TargetAwayError(f"nothing has answered for {self._wait_seconds:g} s: {exc}") from exc
        self._on_wait(str(exc))
        return left
