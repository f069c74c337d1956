"""The files of an output: each appears whole under its name, or not at all."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa

from contract.disk import sync_file, sync_folder, write_atomically
from scoring.errors import OutputError
from scoring.output.layout import Layout
from scoring.output.ledger import Ledger
from scoring.output.writers import join_files, write_rows
from scoring.row import Extras

_ASIDE = ".writing-"
_SUMMARY = "_summary.json"


class Parts:
    """Writes what the ledger holds; every method raises OutputError where the disk refuses.

    Args:
        places: where to.
        ledger: of the same run; it is the only one who has it open.
        extras: columns asked for.
    """

    def __init__(self, places: Layout, ledger: Ledger, extras: Extras) -> None:
        self._places = places
        self._ledger = ledger
        self._extras = extras

    def clean_up(self) -> None:
        """Remove what a killed run was writing.

        Raises:
            OutputError: a part that the ledger has as done is gone.
        """
        with _translated(self._places.folder):
            for path in self._places.folder.glob(f"{_ASIDE}*"):
                path.unlink()
        if self._places.is_file and self._places.out.exists():
            if self._ledger.about.get("finished"):
                self._remove_joined()
            return
        unwritten = set(self._ledger.open_parts())
        for part in range(self._ledger.parts):
            if part not in unwritten and not self._places.part(part).exists():
                raise OutputError(
                    f"{self._places.part(part)} was written and is gone: remove {self._places.folder} to "
                    "score everything anew"
                )

    def write_full(self, candidates: Iterable[int] | None = None) -> None:
        """Write the files of the given parts, or of all open ones, that lack no row any more."""
        for part in self._ledger.open_parts() if candidates is None else candidates:
            if not self._ledger.missing(part):
                self._write(part)

    def finish(self, summary: Mapping[str, Any]) -> None:
        """Every part is there: make them one file where one was asked for, and tell the figures."""
        if self._places.is_file:
            with self._appearing(self._places.out) as path:
                join_files(path, self._paths, format_=self._places.format, extras=self._extras)
        path = self._places.folder / _SUMMARY
        with _translated(path):  # in ASCII: the name of a source may be no UTF-8
            write_atomically(path, json.dumps(summary, indent=2) + "\n")
        self._ledger.describe({"finished": True})
        if self._places.is_file:
            self._ledger.settle()
            self._remove_joined()

    def _write(self, part: int) -> None:
        with self._appearing(self._places.part(part)) as path:
            rows = self._ledger.rows(part)
            write_rows(path, rows, format_=self._places.format, extras=self._extras)
        self._ledger.close_part(part)

    @property
    def _paths(self) -> list[Path]:
        return [self._places.part(part) for part in range(self._ledger.parts)]

    def _remove_joined(self) -> None:
        with _translated(self._places.folder):
            for path in self._paths:
                path.unlink(missing_ok=True)

    @contextlib.contextmanager
    def _appearing(self, path: Path) -> Iterator[Path]:
        """A name to write under, in the ledger's folder; at the end of the block it is the file itself."""
        aside = self._places.folder / f"{_ASIDE}{path.name}"
        with _translated(path):
            try:
                yield aside
                sync_file(aside)
                aside.replace(path)
                sync_folder(path.parent)
            finally:
                aside.unlink(missing_ok=True)


@contextlib.contextmanager
def _translated(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as exc:
        raise OutputError(f"{path}: {exc.strerror or exc}") from exc
    except pa.ArrowException as exc:  # a part that somebody has changed
        raise OutputError(f"{path}: {exc}") from exc
