"""Where rows end: in the ledger, and with the last of a part in its file."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence

from scoring.errors import TooManyErrorsError
from scoring.output.ledger import Ledger
from scoring.output.parts import Parts
from scoring.row import Row


class Sink:
    """Keeps rows, in whatever order they come; for one thread at a time.

    Args:
        ledger: of the run.
        parts: that are written as they become full.
        max_errors: refused photographs that are still no reason to stop; None for any number.
        on_rows: told of rows once they are in the ledger.
    """

    def __init__(
        self,
        ledger: Ledger,
        parts: Parts,
        *,
        max_errors: int | None,
        on_rows: Callable[[Sequence[Row]], object],
    ) -> None:
        self._ledger = ledger
        self._parts = parts
        self._max_errors = max_errors
        self._on_rows = on_rows
        parts.write_full()  # a kill may have come between the last row of a part and its file
        self._errors = ledger.errors
        self._missing = Counter({part: ledger.missing(part) for part in ledger.open_parts()})

    def keep(self, rows: Sequence[tuple[int, Row]]) -> None:
        """Keep rows by their photographs' numbers.

        Raises:
            TooManyErrorsError: more photographs were refused than may be; these rows are kept all the same.
            OutputError: the disk refuses.
        """
        self._ledger.record(rows)
        numbers = [self._ledger.part_of(number) for number, _ in rows]
        self._missing.subtract(numbers)
        self._parts.write_full(part for part in set(numbers) if not self._missing[part])
        self._on_rows([row for _, row in rows])
        self._count_errors([row for _, row in rows if row.code is not None])

    def _count_errors(self, refused: Sequence[Row]) -> None:
        self._errors += len(refused)
        last = f"{refused[-1].path}: {refused[-1].detail} [{refused[-1].code}]" if refused else ""
        refuse_too_many(self._errors, self._max_errors, last=last)


def refuse_too_many(errors: int, max_errors: int | None, *, last: str = "") -> None:
    """A run that was stopped for its errors does not go on by being started again.

    Raises:
        TooManyErrorsError: there are more than may be.
    """
    if max_errors is not None and errors > max_errors:
        text = f"{errors} photographs were refused, more than --max-errors {max_errors} allows"
        raise TooManyErrorsError(f"{text}; the last one: {last}" if last else text)
