"""Rows to a file of one format, and files of it to one; a few rows at a time."""

from __future__ import annotations

import base64
import csv
import json
import shutil
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from scoring.output.layout import Format
from scoring.row import Extras, Row, record_batch, schema

_ROW_GROUP_ROWS = 100_000
# Encoding a row group takes several times its size.
_ROW_GROUP_BYTES = 4 * 1024 * 1024
_READ_ROWS = 500


def write_rows(path: Path, rows: Iterable[Sequence[Row]], *, format_: Format, extras: Extras) -> None:
    """Write one file.

    Raises:
        OSError: it cannot be written.
    """
    batches = (record_batch(some, extras) for some in rows)
    {Format.PARQUET: _parquet, Format.JSONL: _jsonl, Format.CSV: _csv}[format_](path, batches, schema(extras))


def join_files(path: Path, parts: Sequence[Path], *, format_: Format, extras: Extras) -> None:
    """Write what is in the parts, in order, into one file.

    Raises:
        OSError: it cannot be written.
    """
    if format_ is Format.PARQUET:
        _parquet(path, (batch for part in parts for batch in _batches(part)), schema(extras))
        return
    with path.open("wb") as joined:
        for number, part in enumerate(parts):
            with part.open("rb") as file:
                if format_ is Format.CSV and number:
                    file.readline()  # its header; no column's name holds a line break
                shutil.copyfileobj(file, joined)


def _batches(part: Path) -> Iterable[pa.RecordBatch]:
    # Without reading ahead: that takes the whole part at once, and threads with memory of their own.
    with pq.ParquetFile(part, pre_buffer=False) as file:
        yield from file.iter_batches(_READ_ROWS, use_threads=False)


def _parquet(path: Path, batches: Iterable[pa.RecordBatch], columns: pa.Schema) -> None:
    with pq.ParquetWriter(path, columns, compression="zstd") as writer:
        for row_group in _row_groups(batches, columns):
            writer.write_table(row_group)


def _row_groups(batches: Iterable[pa.RecordBatch], columns: pa.Schema) -> Iterator[pa.Table]:
    """Of a size that readers like, as far as the memory for one may reach."""
    waiting: list[pa.RecordBatch] = []
    for batch in batches:
        waiting.append(batch)
        large = sum(b.num_rows for b in waiting) >= _ROW_GROUP_ROWS
        if large or sum(b.nbytes for b in waiting) >= _ROW_GROUP_BYTES:
            yield pa.Table.from_batches(waiting, columns)
            waiting = []
    if waiting:
        yield pa.Table.from_batches(waiting, columns)


def _jsonl(path: Path, batches: Iterable[pa.RecordBatch], _columns: pa.Schema) -> None:
    with path.open("w", encoding="utf-8") as file:
        for batch in batches:
            for members in batch.to_pylist():
                file.write(json.dumps(_plain(members), ensure_ascii=False) + "\n")


def _csv(path: Path, batches: Iterable[pa.RecordBatch], columns: pa.Schema) -> None:
    """Lists become JSON: a cell holds one text."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, columns.names)
        writer.writeheader()
        for batch in batches:
            for members in batch.to_pylist():
                writer.writerow({name: _cell(value) for name, value in _plain(members).items()})


def _plain(members: dict[str, Any]) -> dict[str, Any]:
    """As JSON can hold them: pictures in base64."""
    return {
        name: base64.b64encode(value).decode() if isinstance(value, bytes) else value
        for name, value in members.items()
    }


def _cell(value: Any) -> Any:
    return json.dumps(value, ensure_ascii=False) if isinstance(value, list) else value
