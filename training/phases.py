"""How long each part of a run took."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager


class Phases:
    """Seconds by phase, in the order they ran."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self._running: tuple[str, float] | None = None

    @contextmanager
    def phase(self, name: str) -> Iterator[None]:
        """Measure what happens inside; one that runs twice adds up."""
        self._running = (name, time.perf_counter())
        try:
            yield
        finally:
            self.seconds.update(self.so_far())
            self._running = None

    def so_far(self) -> dict[str, float]:
        """The seconds with those of the phase that is running."""
        if self._running is None:
            return dict(self.seconds)
        name, start = self._running
        return _sum(self.seconds, {name: time.perf_counter() - start})

    def add(self, earlier: Mapping[str, float]) -> None:
        """Count what an interrupted process of the same run took."""
        self.seconds.update(_sum(self.seconds, earlier))


def _sum(first: Mapping[str, float], second: Mapping[str, float]) -> dict[str, float]:
    return {name: first.get(name, 0.0) + second.get(name, 0.0) for name in [*first, *second]}
