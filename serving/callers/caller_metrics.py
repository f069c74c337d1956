"""What Prometheus is told of callers."""

from __future__ import annotations

from typing import Literal

from prometheus_client import CollectorRegistry, Counter

MAX_CALLERS = 1000
OTHERS = "others"

Result = Literal["admitted", "rate_limited"]


class CallerMetrics:
    """Requests by caller: the first MAX_CALLERS of them, the rest as one, so that the series stay bounded."""

    def __init__(self, registry: CollectorRegistry, *, max_callers: int = MAX_CALLERS) -> None:
        self._max_callers = max_callers
        self._known: set[str] = set()
        self._requests = Counter(
            "miwake_caller_requests", "Requests of known callers.", ("caller", "result"), registry=registry
        )

    def count(self, caller: str, result: Result) -> None:
        """One request of the caller of this digest."""
        if len(self._known) < self._max_callers:
            self._known.add(caller)
        self._requests.labels(caller if caller in self._known else OTHERS, result).inc()
