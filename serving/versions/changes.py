"""Waking everyone who waits for something to change."""

from __future__ import annotations

import asyncio


class Changes:
    """Each `notify` wakes all who wait then; one that nobody waits for is forgotten.

    Waiters look at the state first and wait only where it does not do, without an `await` between, so that
    no change is missed.
    """

    def __init__(self) -> None:
        self._changed = asyncio.Event()

    def notify(self) -> None:
        """Something is not as it was."""
        self._changed.set()
        self._changed = asyncio.Event()

    async def wait(self) -> None:
        """Until the next change."""
        await self._changed.wait()
