"""Lists of paths: `@FILE` with a path a line, `@-` from standard input, `@FILE.parquet#COLUMN`.

FILE may be a URL, as a photograph's.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import fsspec
import pyarrow as pa
import pyarrow.parquet as pq

from scoring.errors import SourceError
from scoring.sources.listed import Listed
from scoring.sources.one_line import one_line
from scoring.sources.remote import is_url

MARK = "@"
_STANDARD_INPUT = "-"
_DEFAULT_COLUMN = "path"
_ROWS_AT_ONCE = 10_000


def list_paths(source: str) -> Iterator[Listed]:
    """The paths that a list names, in its order; whether they can be read is found out later.

    Raises:
        SourceError: the list cannot be read, or has no such column of texts.
    """
    given = source.removeprefix(MARK)
    name, _, column = given.partition("#")
    if not name.endswith(".parquet"):
        name = given
    paths = _parquet(name, column or _DEFAULT_COLUMN) if name.endswith(".parquet") else _lines(name)
    try:
        for path in paths:
            if path:
                yield Listed(path, path)
    except SourceError:
        raise
    # fsspec has a backend for each protocol, and each its own exceptions: this is the border.
    except Exception as exc:
        raise SourceError(f"{name}: {one_line(exc)}") from exc


def _lines(name: str) -> Iterator[str]:
    """As bytes, since names need not be texts; with the line ends of any system."""
    if name == _STANDARD_INPUT:
        yield from map(_path, sys.stdin.buffer)
        return
    with _opened(name) as file:
        yield from map(_path, file)


def _opened(name: str) -> Any:
    """A file to read, of this machine or by URL."""
    return fsspec.open(name, "rb") if is_url(name) else Path(name).open("rb")


def _path(line: bytes) -> str:
    return line.rstrip(b"\r\n").decode("utf-8", "surrogateescape")


def _parquet(name: str, column: str) -> Iterator[str]:
    with _opened(name) as opened, pq.ParquetFile(opened) as file:
        if column not in file.schema_arrow.names:
            raise SourceError(
                f"{name} has no column {column!r}: its columns are {', '.join(file.schema_arrow.names)}"
            )
        if not pa.types.is_string(
            kind := file.schema_arrow.field(column).type
        ) and not pa.types.is_large_string(kind):
            raise SourceError(f"{name}: column {column!r} is of type {kind}, not of texts")
        for batch in file.iter_batches(_ROWS_AT_ONCE, columns=[column]):
            yield from filter(None, batch.column(0).to_pylist())
