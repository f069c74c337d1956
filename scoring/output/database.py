"""The SQLite file under a ledger, with its errors in our words."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from scoring.errors import OutputError

Values = tuple[Any, ...]


class Database:
    """One file, open for one process at a time, for whichever of its threads has its turn.

    Args:
        path: of the file; made, with its folder, where there is none.
        schema: statements that make the tables that are not there yet.

    Raises:
        OutputError: another process has it open, it is damaged, or it cannot be written.
    """

    def __init__(self, path: Path, schema: Iterable[str]) -> None:
        self._path = path
        with self._translated():
            path.parent.mkdir(parents=True, exist_ok=True)
            self._connection = sqlite3.connect(path, timeout=0, check_same_thread=False, isolation_level=None)
            # Locked while this process lives, and without the shared memory that network drives lack.
            self._connection.execute("PRAGMA locking_mode = EXCLUSIVE")
            self._connection.execute("PRAGMA journal_mode = WAL")
            # A power cut may take the last moments' rows, which are then made again; a kill takes none.
            self._connection.execute("PRAGMA synchronous = NORMAL")
        with self.change():
            for statement in schema:
                self._connection.execute(statement)

    def rows(self, query: str, *values: Any) -> list[Values]:
        """All rows of a query."""
        with self._translated():
            return self._connection.execute(query, values).fetchall()

    def number(self, query: str, *values: Any) -> int:
        """The one whole number that a query gives."""
        return int(self.rows(query, *values)[0][0])

    def write(self, statement: str, *values: Any) -> None:
        """Run one statement, inside of `change`."""
        self._connection.execute(statement, values)

    def write_all(self, statement: str, rows: Iterable[Values]) -> None:
        """Run one statement for each row, inside of `change`."""
        self._connection.executemany(statement, rows)

    @contextlib.contextmanager
    def change(self) -> Iterator[None]:
        """All that is written in the block becomes true at its end, or none of it."""
        with self._translated():
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield
            except BaseException:
                if self._connection.in_transaction:  # not so where the disk is full: SQLite has rolled back
                    self._connection.execute("ROLLBACK")
                raise
            self._connection.execute("COMMIT")

    def settle(self) -> None:
        """What is true is on the disk at the end."""
        with self._translated():
            self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    def close(self) -> None:
        """Let another process have it."""
        with self._translated():
            self._connection.close()

    @contextlib.contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as exc:
            # The lowest byte: SQLite tells of several ways to be busy. Python's own errors have no code.
            if getattr(exc, "sqlite_errorcode", 0) & 0xFF == sqlite3.SQLITE_BUSY:
                raise OutputError(f"{self._path}: another run is writing to this output") from exc
            raise OutputError(f"{self._path}: {exc}") from exc
        except OSError as exc:  # of the folder
            raise OutputError(f"{exc.filename}: {exc.strerror}") from exc
