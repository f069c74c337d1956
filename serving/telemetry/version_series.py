"""Series of versions that are gone are dropped, so that a gateway that sees many does not grow for ever."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Collection

# Prometheus has read the last values several times by then, and a model server that restarts is back.
KEPT_SECONDS = 900.0
_LOOK_SECONDS = 10.0
# Model and version, as their labels have them.
Key = tuple[str, str]


class VersionSeries:
    """Remembers when each version was last there."""

    def __init__(self, forget: Callable[[str, str], None], *, kept_seconds: float = KEPT_SECONDS) -> None:
        """Begin with none.

        Args:
            forget: drops all series of a model's version.
            kept_seconds: after it was there last.
        """
        self._forget = forget
        self._kept_seconds = kept_seconds
        self._last_there: dict[Key, float] = {}

    def there(self, versions: Collection[Key], *, now: float | None = None) -> None:
        """These are there at a moment of `time.monotonic`; others may be due to be dropped."""
        now = time.monotonic() if now is None else now
        self._last_there |= dict.fromkeys(versions, now)
        for key, last in list(self._last_there.items()):
            if now - last > self._kept_seconds:
                del self._last_there[key]
                self._forget(*key)

    async def run(self, versions: Callable[[], Collection[Key]]) -> None:
        """Look again and again until cancelled."""
        while True:
            self.there(versions())
            await asyncio.sleep(_LOOK_SECONDS)
