"""Rate limits: a token bucket for each caller."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

from serving.callers.caller import Rate

MAX_CALLERS = 10_000


@dataclass
class _Bucket:
    tokens: float
    filled_at: float


class TokenBuckets:
    """Remembers the callers of late, MAX_CALLERS of them: one that is forgotten starts full again."""

    def __init__(
        self, *, max_callers: int = MAX_CALLERS, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._max_callers = max_callers
        self._clock = clock
        self._buckets: OrderedDict[str, _Bucket] = OrderedDict()

    def take(self, caller: str, rate: Rate) -> float:
        """Take a token.

        Returns:
            Seconds until there is one to take; 0.0 where it was taken.
        """
        bucket = self._filled(caller, rate)
        if bucket.tokens < 1:
            return (1 - bucket.tokens) / rate.requests_per_second
        bucket.tokens -= 1
        return 0.0

    def _filled(self, caller: str, rate: Rate) -> _Bucket:
        """The caller's bucket as it is now, by the rate of now."""
        now = self._clock()
        bucket = self._buckets.setdefault(caller, _Bucket(rate.burst, now))
        self._buckets.move_to_end(caller)
        while len(self._buckets) > self._max_callers:
            self._buckets.popitem(last=False)
        gained = (now - bucket.filled_at) * rate.requests_per_second
        bucket.tokens, bucket.filled_at = min(rate.burst, bucket.tokens + gained), now
        return bucket
