"""Lists of paths: a file with a path a line, standard input, a column of a Parquet file."""

from __future__ import annotations

import io
import sys
from types import SimpleNamespace

import fsspec
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from scoring.errors import SourceError
from scoring.sources.listed import Listed
from scoring.sources.listing import list_source
from tests.file_server import file_server


def _paths(source: str) -> list[str]:
    return [listed.path for listed in list_source(source)]


def test_a_list_keeps_its_order_and_leaves_empty_lines_out(tmp_path):
    (tmp_path / "list.txt").write_text("/b.jpg\n\n/a.jpg\ns3://bucket/c d.jpg")

    assert list(list_source(f"@{tmp_path}/list.txt")) == [
        Listed("/b.jpg", "/b.jpg"),
        Listed("/a.jpg", "/a.jpg"),
        Listed("s3://bucket/c d.jpg", "s3://bucket/c d.jpg"),
    ]


def test_a_list_keeps_blanks_in_names_and_takes_the_line_ends_of_any_system(tmp_path):
    (tmp_path / "list.txt").write_bytes(b" a .jpg\r\ncaf\xe9.jpg\r\nb\rc.jpg\n")

    assert _paths(f"@{tmp_path}/list.txt") == [" a .jpg", "caf\udce9.jpg", "b\rc.jpg"]


@pytest.mark.parametrize("place", ["http", "memory"])
def test_a_list_may_lie_where_the_photographs_do(tmp_path, place):
    (tmp_path / "list.txt").write_text("/b.jpg\ns3://bucket/a.jpg\n")
    pq.write_table(pa.table({"image": ["x.jpg", "y.jpg"]}), tmp_path / "table.parquet")
    for path in tmp_path.iterdir():
        fsspec.filesystem("memory").pipe(f"/lists/{path.name}", path.read_bytes())

    with file_server(tmp_path) as url:
        base = url if place == "http" else "memory://lists"
        assert _paths(f"@{base}/list.txt") == ["/b.jpg", "s3://bucket/a.jpg"]
        assert _paths(f"@{base}/table.parquet#image") == ["x.jpg", "y.jpg"]
        with pytest.raises(SourceError, match=rf"^{base}/gone\.txt: "):
            _paths(f"@{base}/gone.txt")


def test_a_lists_own_name_may_have_a_hash(tmp_path):
    (tmp_path / "list#1.txt").write_text("a.jpg\n")

    assert _paths(f"@{tmp_path}/list#1.txt") == ["a.jpg"]


def test_standard_input_is_a_list_too_of_any_bytes(monkeypatch):
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO(b"a.jpg\ncaf\xe9.jpg\n")))

    assert _paths("@-") == ["a.jpg", "caf\udce9.jpg"]


@pytest.mark.parametrize("kind", [pa.string(), pa.large_string()])
@pytest.mark.parametrize(("column", "asked"), [("path", ""), ("file", "#file")])
def test_a_column_of_a_parquet_file_is_a_list(tmp_path, kind, column, asked):
    table = pa.table({"id": [1, 2, 3, 4], column: pa.array(["b.jpg", None, "a.jpg", ""], kind)})
    pq.write_table(table, tmp_path / "table.parquet")

    assert _paths(f"@{tmp_path}/table.parquet{asked}") == ["b.jpg", "a.jpg"]


@pytest.mark.parametrize(
    ("column", "why"),
    [("url", "has no column 'url': its columns are id, path"), ("id", "column 'id' is of type int64")],
)
def test_a_column_that_is_not_there_or_holds_no_texts_is_an_error(tmp_path, column, why):
    pq.write_table(pa.table({"id": [1], "path": ["a.jpg"]}), tmp_path / "table.parquet")

    with pytest.raises(SourceError, match=why):
        _paths(f"@{tmp_path}/table.parquet#{column}")


@pytest.mark.parametrize("name", ["gone.txt", "gone.parquet"])
def test_a_list_that_is_not_there_is_one_clear_line(tmp_path, name):
    with pytest.raises(SourceError, match=rf"^{tmp_path}/{name}: .*No such file") as caught:
        _paths(f"@{tmp_path}/{name}")

    assert "\n" not in str(caught.value)


def test_a_parquet_file_that_is_none_is_an_error(tmp_path):
    (tmp_path / "table.parquet").write_bytes(b"text, and of some length")

    with pytest.raises(SourceError, match=r"table\.parquet: "):
        _paths(f"@{tmp_path}/table.parquet")
