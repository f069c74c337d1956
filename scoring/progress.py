"""How a run goes, for whoever sits before it; nothing where nobody does."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from types import TracebackType
from typing import Self

from tqdm import tqdm

from scoring.row import Row


class Bar:
    """Rate, time left and refused photographs, on standard error; silent where that is no terminal."""

    def __init__(self, *, quiet: bool = False) -> None:
        disable = True if quiet else None  # None: tqdm looks whether it is a terminal
        self._bar = tqdm(
            desc="scoring", unit=" photographs", disable=disable, file=sys.stderr, smoothing=0.05
        )
        self._errors = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._bar.close()

    def listed(self, photographs: int, *, done: int, errors: int) -> None:
        """See `scoring.run.Progress`, as the next two."""
        self._errors = errors
        self._bar.reset(photographs)
        self._bar.initial = done
        self._bar.n = done
        self._bar.refresh()

    def rows(self, rows: Sequence[Row]) -> None:
        """Count them."""
        self._errors += sum(row.code is not None for row in rows)
        self._bar.set_postfix({"errors": self._errors}, refresh=False)
        self._bar.update(len(rows))

    def waiting(self, why: str) -> None:
        """Say why it does not go on."""
        self._bar.set_postfix_str(f"waiting: {why}")
