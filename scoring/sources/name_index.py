"""Names with what is known of each, in order: on the disk, but for a few, however many there are."""

from __future__ import annotations

import contextlib
import json
import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from scoring.errors import SourceError

_SCHEMA = "CREATE TABLE names (name BLOB PRIMARY KEY, facts TEXT NOT NULL) WITHOUT ROWID"
_KEEP = "INSERT OR REPLACE INTO names VALUES (?, ?)"
_FIND = "SELECT facts FROM names WHERE name = ?"
_ALL = "SELECT name, facts FROM names ORDER BY name"


class NameIndex(Mapping[str, Any]):
    """A dictionary in the order of its names, for one thread at a time.

    SQLite keeps it in a file without a name, which is gone with the process, whatever ends it.

    Args:
        entries: name and facts, such as JSON holds; of a name that comes twice the last one counts.

    Raises:
        SourceError: by every method too: there is no room on the disk for it.
    """

    def __init__(self, entries: Iterable[tuple[str, Any]]) -> None:
        with _translated():
            self._connection = sqlite3.connect("", check_same_thread=False, isolation_level=None)
            self._connection.execute(_SCHEMA)
            self._connection.execute("BEGIN")
            self._connection.executemany(
                _KEEP, ((_stored(name), json.dumps(facts)) for name, facts in entries)
            )
            self._connection.execute("COMMIT")

    def __getitem__(self, name: str) -> Any:
        with _translated():
            found = self._connection.execute(_FIND, (_stored(name),)).fetchone()
        if found is None:
            raise KeyError(name)
        return json.loads(found[0])

    def __iter__(self) -> Iterator[str]:
        return (name for name, _ in self.in_order())

    def __len__(self) -> int:
        with _translated():
            return int(self._connection.execute("SELECT COUNT(*) FROM names").fetchone()[0])

    def in_order(self) -> Iterator[tuple[str, Any]]:
        """Each name with its facts."""
        with _translated():
            for name, facts in self._connection.execute(_ALL):
                yield name.decode("utf-8", "surrogateescape"), json.loads(facts)

    def close(self) -> None:
        """Give its room on the disk back."""
        self._connection.close()


def _stored(name: str) -> bytes:
    return name.encode("utf-8", "surrogateescape")


@contextlib.contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except sqlite3.Error as exc:
        raise SourceError(f"the names cannot be kept on the disk while they are listed: {exc}") from exc
