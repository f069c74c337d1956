"""docs/guides/scoring.md: its examples run as they stand."""

from __future__ import annotations

import dataclasses
import re
import shlex
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner

from miwake.cli import main
from scoring.row import Extras, schema
from tests.colour_server import ColourServer, colour_manifest, in_thread
from tests.pictures import colour_picture

GUIDE = (Path(__file__).parents[2] / "docs" / "guides" / "scoring.md").read_text("utf-8")
SERVER = "127.0.0.1:8500"
SPARK_TYPES = {
    "string": pa.string(),
    "double": pa.float64(),
    "bigint": pa.int64(),
    "array<struct<label:string,probability:double>>": pa.list_(
        pa.struct([("label", pa.string()), ("probability", pa.float64())])
    ),
}


def examples(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", GUIDE, re.MULTILINE | re.DOTALL)


@pytest.fixture
def server() -> Iterator[str]:
    """Of a model that takes red for a rose, green for a tulip and blue for a bluebell."""
    flowers = dataclasses.replace(colour_manifest(name="flowers"), labels=("rose", "tulip", "bluebell"))
    with in_thread(ColourServer(flowers)) as address:
        yield address


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name, colour in {
        "rose.jpg": "red",
        "tulip.jpg": "green",
        "photographs/a/bluebell.png": "blue",
    }.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(colour_picture(colour))
    (tmp_path / "notes.jpg").write_bytes(b"text")
    (tmp_path / "photographs" / "notes.jpg").write_bytes(b"text")
    (tmp_path / "paths.txt").write_text("rose.jpg\n")
    pq.write_table(pa.table({"path": ["tulip.jpg"]}), tmp_path / "table.parquet")
    with zipfile.ZipFile(tmp_path / "more.zip", "w") as archive:
        archive.write(tmp_path / "tulip.jpg", "inside/tulip.jpg")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def labels(path: Path) -> set[str]:
    return set(pq.read_table(path).column("label").drop_null().to_pylist())


def test_the_commands_run_as_they_stand(server: str, folder: Path) -> None:
    commands = [line for block in examples("sh") for line in block.splitlines()]

    for command in commands:
        arguments = shlex.split(command.replace(SERVER, server))
        assert arguments.pop(0) == "miwake"
        result = CliRunner().invoke(main, arguments)
        assert result.exit_code == 0, result.output

    assert labels(folder / "some.parquet") == {"rose", "tulip", "bluebell"}
    assert labels(folder / "listed.parquet") == {"rose", "tulip"}
    assert (folder / "checked.csv").read_text().count("\n") == 3
    assert len(list((folder / "refused" / "unsupported_format").iterdir())) == 1
    assert sum(pq.read_metadata(path).num_rows for path in (folder / "shards").glob("*.parquet")) == 2


def test_the_programs_run_as_they_stand(
    server: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    del folder
    names: dict[str, Any] = {}
    for number, example in enumerate(examples("python"), start=1):
        exec(compile(example.replace(SERVER, server), f"example {number}", "exec"), names)  # noqa: S102 - the test

    printed = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert printed[:2] == [["rose.jpg", "rose"], ["tulip.jpg", "tulip"]]
    assert printed[2][0] == "rose"
    _spark_can_take(names["label"], names["SCHEMA"])


def _spark_can_take(label: Any, words: str) -> None:
    """What Spark does with a function's frames: columns by name, to the types that were said."""
    fields = [field.split(" ", 1) for field in re.split(r", (?=\w+ )", words)]
    said = pa.schema([(name, SPARK_TYPES[kind]) for name, kind in fields])
    frames = list(label(iter([pd.DataFrame({"path": ["rose.jpg", "notes.jpg"]})])))

    table = pa.Table.from_pandas(frames[0], schema=said, preserve_index=False)
    assert table.column("label").to_pylist() == ["rose", None]
    ours = schema(Extras())
    assert said.names == ours.names
    assert said.types == ours.types
