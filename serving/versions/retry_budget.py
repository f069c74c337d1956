"""How many calls may be sent a second time: a share of all, so that retries never double an overload.

The token bucket of Finagle's RetryBudget and of gRPC's retry throttling (gRFC A6).
"""

from __future__ import annotations


class RetryBudget:
    """Every request pays a share of a retry in; every retry takes a whole one out."""

    def __init__(self, *, share: float, most: float = 10.0) -> None:
        """Start full.

        Args:
            share: retries for each request, 0 to 1.
            most: retries that can be saved up for a bad moment.
        """
        self._share = share
        self._most = most if share > 0 else 0.0
        self._saved = self._most

    def paid_in(self) -> None:
        """One more request was sent for the first time."""
        self._saved = min(self._most, self._saved + self._share)

    def take(self) -> bool:
        """Whether one may be sent again; then it is counted."""
        if self._saved < 1:
            return False
        self._saved -= 1
        return True
