"""A clock that a test turns itself."""

from __future__ import annotations


class Clock:
    """Stands until it is turned; counts seconds."""

    def __init__(self) -> None:
        self.seconds = 1000.0

    def __call__(self) -> float:
        return self.seconds

    def turn(self, seconds: float) -> None:
        self.seconds += seconds
