"""What of a run is done: one SQLite file beside the output, right after a kill at any moment.

Every photograph has a number, given once when the sources are listed. Its row is kept here from the moment it
is known until the part of the output that holds it is on the disk under its final name; only then, in one
transaction, the part is marked as done and its rows go. So a part is written again or not at all, and each
photograph is in exactly one.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Iterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from scoring.output.database import Database
from scoring.output.stored_row import COLUMNS, stored, unstored
from scoring.row import Row

_SCHEMA = (
    "CREATE TABLE IF NOT EXISTS about (key TEXT PRIMARY KEY, value TEXT NOT NULL)",
    "CREATE TABLE IF NOT EXISTS photographs (number INTEGER PRIMARY KEY, path BLOB NOT NULL UNIQUE)",
    f"CREATE TABLE IF NOT EXISTS rows (number INTEGER PRIMARY KEY, {COLUMNS})",
    "CREATE TABLE IF NOT EXISTS parts (part INTEGER PRIMARY KEY, photographs INTEGER, errors INTEGER)",
    f"CREATE TABLE IF NOT EXISTS answers ({COLUMNS}, PRIMARY KEY (sha256))",
)
_VALUES = ", ".join("?" * len(COLUMNS.split(",")))
_KEEP_ROW = f"INSERT OR REPLACE INTO rows VALUES (?, {_VALUES})"
_KEEP_ANSWER = f"INSERT OR IGNORE INTO answers VALUES ({_VALUES})"
_ROWS_AT_ONCE = 500


class Ledger:
    """Open for one process at a time; every change is whole or not there.

    Args:
        path: of the file; made where there is none.
        part_rows: photographs a part of the output, the same for all of a ledger's life.
        remember: whether answers are kept to the end, for photographs of equal bytes.

    Raises:
        OutputError: by every method too: another process has it open, it is damaged, or the disk is full.
    """

    def __init__(self, path: Path, *, part_rows: int, remember: bool = False) -> None:
        self._database = Database(path, _SCHEMA)
        self._part_rows = part_rows
        self._remember = remember

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._database.close()

    @property
    def about(self) -> Mapping[str, Any]:
        """What `describe` was given."""
        return {key: json.loads(value) for key, value in self._database.rows("SELECT key, value FROM about")}

    def describe(self, about: Mapping[str, Any]) -> None:
        """Keep facts of the run; those that are there under the same names are replaced."""
        with self._database.change():
            self._write_about(about)

    def settle(self) -> None:
        """Let not even a power cut take what was written until now; a kill never does."""
        self._database.settle()

    def begin(self, about: Mapping[str, Any], paths: Iterable[str]) -> None:
        """Describe the run, and give every path a number from 1, in order, each path once.

        All of it or, on an error, nothing: what was there before stays. Nothing may be recorded yet.
        """
        encoded = ((path.encode("utf-8", "surrogateescape"),) for path in paths)
        with self._database.change():
            self._database.write("DELETE FROM photographs")
            self._database.write("DELETE FROM parts")  # one, empty, of a listing that found nothing
            self._database.write_all("INSERT OR IGNORE INTO photographs (path) VALUES (?)", encoded)
            self._write_about(about)

    @property
    def photographs(self) -> int:
        """How many there are."""
        return self._database.number("SELECT COUNT(*) FROM photographs")

    @property
    def done(self) -> int:
        """How many have their row, here or in a part."""
        return self._database.number(
            "SELECT (SELECT COUNT(*) FROM rows) + (SELECT TOTAL(photographs) FROM parts)"
        )

    @property
    def errors(self) -> int:
        """How many of those were refused."""
        return self._database.number(
            "SELECT (SELECT COUNT(code) FROM rows) + (SELECT TOTAL(errors) FROM parts)"
        )

    def undone(self) -> Iterator[tuple[int, str]]:
        """(number, path) of every photograph that had no row when its part was reached, in order."""
        for part in self.open_parts():
            found = self._database.rows(
                "SELECT number, path FROM photographs LEFT JOIN rows USING (number) "
                "WHERE number BETWEEN ? AND ? AND rows.seconds IS NULL ORDER BY number",
                *self._numbers(part),
            )
            for number, path in found:
                yield number, path.decode("utf-8", "surrogateescape")

    def record(self, rows: Collection[tuple[int, Row]]) -> None:
        """Keep rows by their photographs' numbers."""
        values = [(number, *stored(row)) for number, row in rows]
        with self._database.change():
            self._database.write_all(_KEEP_ROW, values)
            if self._remember:
                read = [answer for _, *answer in values if answer[0] is not None]
                self._database.write_all(_KEEP_ANSWER, map(tuple, read))

    def answers(self, digests: Iterable[str]) -> dict[str, Row]:
        """What was said before of photographs with these digests, where it is remembered; without paths."""
        query = f"SELECT {COLUMNS} FROM answers WHERE sha256 = ?"
        found = [row for digest in digests for row in self._database.rows(query, digest)]
        return {values[0]: unstored(b"", values) for values in found}

    def part_of(self, number: int) -> int:
        """The part of the output, from 0, that holds a photograph."""
        return (number - 1) // self._part_rows

    @property
    def parts(self) -> int:
        """How many parts the output has; one, empty, where there is no photograph."""
        return max(1, -(-self.photographs // self._part_rows))

    def open_parts(self) -> Iterator[int]:
        """Those whose file is not on the disk yet."""
        finished = {part for (part,) in self._database.rows("SELECT part FROM parts")}
        return (part for part in range(self.parts) if part not in finished)

    def missing(self, part: int) -> int:
        """How many rows a part lacks before its file can be written."""
        numbers = self._numbers(part)
        between = "WHERE number BETWEEN ? AND ?"
        size = self._database.number(f"SELECT COUNT(*) FROM photographs {between}", *numbers)
        return size - self._database.number(f"SELECT COUNT(*) FROM rows {between}", *numbers)

    def rows(self, part: int) -> Iterator[list[Row]]:
        """A part's rows in the order of their numbers, some at a time."""
        query = (
            f"SELECT path, {COLUMNS} FROM photographs JOIN rows USING (number) "
            "WHERE number BETWEEN ? AND ? ORDER BY number"
        )
        first, last = self._numbers(part)
        for start in range(first, last + 1, _ROWS_AT_ONCE):
            found = self._database.rows(query, start, min(last, start + _ROWS_AT_ONCE - 1))
            if found:
                yield [unstored(path, tuple(values)) for path, *values in found]

    def close_part(self, part: int) -> None:
        """Its file is on the disk: mark it, and let its rows go."""
        numbers = self._numbers(part)
        with self._database.change():
            self._database.write(
                "INSERT INTO parts SELECT ?, COUNT(*), COUNT(code) FROM rows WHERE number BETWEEN ? AND ?",
                part,
                *numbers,
            )
            self._database.write("DELETE FROM rows WHERE number BETWEEN ? AND ?", *numbers)

    def _numbers(self, part: int) -> tuple[int, int]:
        return part * self._part_rows + 1, (part + 1) * self._part_rows

    def _write_about(self, about: Mapping[str, Any]) -> None:
        rows = [(key, json.dumps(value)) for key, value in about.items()]
        self._database.write_all("INSERT OR REPLACE INTO about VALUES (?, ?)", rows)
