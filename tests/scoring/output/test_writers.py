"""Rows to files of three formats, and files to one."""

from __future__ import annotations

import base64
import csv
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from contract.prediction import Candidate
from scoring.output.layout import Format
from scoring.output.writers import join_files, write_rows
from scoring.row import Extras, Row, record_batch, schema
from tests.rows import answered, refused

NOTHING = Extras()
EVERYTHING = Extras(embedding=True, heatmap=True)
NASTY = 'line\nbreak,\r\n"quotes"\t; \u2028 日本 = ☃'
ROWS = [
    answered("a.jpg"),
    refused("b.jpg", sha256=None, detail=NASTY),
    answered(NASTY, label=NASTY, top=(Candidate(NASTY, 0.5), Candidate("", 0.25))),
    refused("", detail=""),
]


def _written(path: Path, rows: Sequence[Row], extras: Extras = NOTHING) -> Path:
    write_rows(path, [rows[:1], rows[1:]] if rows else [], format_=Format(path.suffix[1:]), extras=extras)
    return path


def _read(path: Path) -> list[dict[str, Any]]:
    """The rows again, by what any program reads these formats with."""
    if path.suffix == ".parquet":
        return pq.read_table(path).to_pylist()
    if path.suffix == ".jsonl":
        return [json.loads(line) for line in path.read_bytes().split(b"\n")[:-1]]
    with path.open(newline="", encoding="utf-8") as file:
        return [_typed(row) for row in csv.DictReader(file)]


def _typed(row: dict[str, str]) -> dict[str, Any]:
    """CSV knows texts alone, and no difference between none and an empty one."""
    numbers = {
        name: float(row[name]) if row[name] else None for name in ("probability", "seconds", "version")
    }
    return row | numbers | {"top": json.loads(row["top"])}


def _expected(rows: Sequence[Row], extras: Extras, format_: Format) -> list[dict[str, Any]]:
    members: list[dict[str, Any]] = record_batch(rows, extras).to_pylist()
    if format_ is not Format.CSV:
        return members
    texts = ("sha256", "label", "code", "detail")
    return [row | {name: row[name] or "" for name in texts} for row in members]


@pytest.mark.parametrize("format_", Format)
@pytest.mark.parametrize("rows", [ROWS, ROWS[:1], []])
def test_every_format_gives_the_rows_again(tmp_path, format_, rows):
    path = _written(tmp_path / f"out.{format_}", rows)

    assert _read(path) == _expected(rows, NOTHING, format_)


@pytest.mark.parametrize("format_", Format)
@pytest.mark.parametrize("parts", [[ROWS[:1], ROWS[1:3], ROWS[3:]], [[], ROWS], [[]], [ROWS[:2], []]])
def test_joined_files_are_one_file_of_all_rows(tmp_path, format_, parts):
    paths = [_written(tmp_path / f"{n}.{format_}", rows) for n, rows in enumerate(parts)]

    join_files(tmp_path / f"out.{format_}", paths, format_=format_, extras=NOTHING)

    whole = [row for rows in parts for row in rows]
    assert _read(tmp_path / f"out.{format_}") == _expected(whole, NOTHING, format_)


@pytest.mark.parametrize("format_", [Format.CSV, Format.JSONL])
def test_a_joined_file_of_text_is_the_file_that_one_part_would_be(tmp_path, format_):
    paths = [_written(tmp_path / f"{n}.{format_}", [row]) for n, row in enumerate(ROWS)]
    whole = _written(tmp_path / f"whole.{format_}", ROWS)

    join_files(tmp_path / f"out.{format_}", paths, format_=format_, extras=NOTHING)

    assert (tmp_path / f"out.{format_}").read_bytes() == whole.read_bytes()


def test_an_empty_csv_has_its_header(tmp_path):
    path = _written(tmp_path / "out.csv", [])

    assert path.read_text().split() == ["path,sha256,label,probability,top,model,version,code,detail,seconds"]


@pytest.mark.parametrize("joined", [False, True])
def test_a_parquet_file_has_the_columns_of_the_schema(tmp_path, joined):
    path = _written(tmp_path / "part.parquet", ROWS, EVERYTHING)
    if joined:
        join_files(tmp_path / "out.parquet", [path], format_=Format.PARQUET, extras=EVERYTHING)
        path = tmp_path / "out.parquet"

    assert pq.read_schema(path).equals(schema(EVERYTHING))


@pytest.mark.parametrize("format_", Format)
def test_vectors_and_pictures_are_in_every_format(tmp_path, format_):
    vector = np.array([0.5, -0.25], dtype=np.float32)
    path = _written(tmp_path / f"out.{format_}", [answered(embedding=vector, heatmap=b"\xff\0")], EVERYTHING)

    [row] = _read(path)

    embedding = json.loads(row["embedding"]) if format_ is Format.CSV else row["embedding"]
    heatmap = row["heatmap"] if format_ is Format.PARQUET else base64.b64decode(row["heatmap"])
    assert (embedding, heatmap) == ([0.5, -0.25], b"\xff\0")


def test_small_parts_become_large_row_groups(tmp_path):
    paths = [_written(tmp_path / f"{n}.parquet", ROWS) for n in range(20)]

    join_files(tmp_path / "out.parquet", paths, format_=Format.PARQUET, extras=NOTHING)

    assert pq.ParquetFile(tmp_path / "out.parquet").num_row_groups == 1


def test_a_row_group_of_heavy_rows_ends_before_it_fills_the_memory(tmp_path):
    heavy = [[answered(heatmap=bytes(1024 * 1024))] for _ in range(40)]

    write_rows(tmp_path / "out.parquet", heavy, format_=Format.PARQUET, extras=EVERYTHING)

    assert pq.ParquetFile(tmp_path / "out.parquet").num_row_groups == 10


def test_a_part_that_is_no_parquet_file_cannot_be_joined(tmp_path):
    (tmp_path / "part.parquet").write_bytes(b"something else of some length")

    with pytest.raises(pa.ArrowInvalid):
        join_files(
            tmp_path / "out.parquet", [tmp_path / "part.parquet"], format_=Format.PARQUET, extras=NOTHING
        )
