"""Who is told how a fit goes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from training.progress import HistoryRow, Progress


def _nothing(_: Any) -> None:
    """What an observer does unless told otherwise."""


@dataclass(frozen=True, kw_only=True)
class Observer:
    """What is called as a fit goes on.

    Attributes:
        say: takes a line for the person who waits.
        save: takes the progress after every epoch.
        epoch: takes the row of every epoch.
        progress: whether to show progress bars.
    """

    say: Callable[[str], None] = _nothing
    save: Callable[[Progress], None] = _nothing
    epoch: Callable[[HistoryRow], None] = _nothing
    progress: bool = False
