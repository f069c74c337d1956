"""Keeps the memory of decoding bounded, however many threads decode."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator


class PixelBudget:
    """Lets pictures be decoded side by side while their pixels together stay within a limit.

    Decoding takes 4 to 16 bytes a pixel for a moment, by format. A picture larger than the whole budget is
    let in alone.
    """

    def __init__(self, max_pixels: int) -> None:
        self._max_pixels = max_pixels
        self._used = 0
        self._changed = threading.Condition()

    @contextlib.contextmanager
    def admit(self, pixels: int) -> Iterator[None]:
        """Wait, in a thread, until there is room for that many pixels; hold it for the block."""
        with self._changed:
            self._changed.wait_for(lambda: self._used == 0 or self._used + pixels <= self._max_pixels)
            self._used += pixels
        try:
            yield
        finally:
            with self._changed:
                self._used -= pixels
                self._changed.notify_all()
