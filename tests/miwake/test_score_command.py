"""What a user of `miwake score` sees: one JSON document, or one line that says what is wrong."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from miwake.cli import main
from tests.colour_server import ColourServer, in_thread
from tests.scoring.archive import rows, said, write_archive

pytestmark = pytest.mark.slow


def run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(main, ["score", *map(str, arguments)])


def test_a_program_gets_one_document(tmp_path: Path) -> None:
    photographs, out = tmp_path / "photographs", tmp_path / "out.jsonl"
    write_archive(photographs, 20)
    with in_thread(ColourServer()) as address:
        result = run(photographs, "--to", f"grpc://{address}", "--model", "toy", "--out", out)

    document = json.loads(result.stdout)
    assert result.exit_code == 0
    assert (document["photographs"], document["errors"], document["new"]) == (23, 3, 23)
    assert (document["pinned"]["model"], document["pinned"]["version"], document["out"]) == (
        "toy",
        1,
        str(out),
    )
    assert len(out.read_text().splitlines()) == 23
    assert result.stderr == ""


def test_a_list_and_a_shard_are_taken(tmp_path: Path) -> None:
    photographs = tmp_path / "photographs"
    expected = write_archive(photographs, 20)
    listed = tmp_path / "list"
    listed.write_text("".join(f"{photographs / name}\n" for name in expected))
    counts = []
    with in_thread(ColourServer()) as address:
        to = ("--to", f"grpc://{address}", "--model", "toy")
        for shard in ("0/2", "1/2"):
            out = tmp_path / f"{shard[0]}.parquet"
            assert run(f"@{listed}", *to, "--out", out, "--shard", shard).exit_code == 0
            counts.append(said(rows(out), photographs))

    assert counts[0] | counts[1] == expected
    assert not counts[0].keys() & counts[1].keys()


@pytest.mark.parametrize(
    ("arguments", "status", "text"),
    [
        (["{photographs}", "--to", "ftp://x"], 1, "is no http://, https:// or grpc:// address"),
        (["{photographs}", "--to", "grpc://127.0.0.1:1"], 1, "name one by --model"),
        (["{photographs}", "--to", "nowhere"], 1, "no version in"),
        (["nowhere", "--to", "grpc://127.0.0.1:1", "--model", "toy"], 1, "nowhere: no such file or folder"),
        (["@nowhere", "--to", "grpc://127.0.0.1:1", "--model", "toy"], 1, "nowhere"),
        (["{photographs}", "--to", "http://127.0.0.1:1", "--wait", "0"], 1, "nothing has answered for 0 s"),
        (["{photographs}", "--to", "x", "--shard", "3/3"], 2, "there is no shard 3 of 3: they are 0 to 2"),
        (["{photographs}", "--to", "x", "--shard", "a"], 2, "'a' is not I/N"),
        (["{photographs}", "--to", "x", "--address", "auto"], 2, "give --engine ray"),
    ],
)
def test_what_is_wrong_is_one_line(tmp_path: Path, arguments: list[str], status: int, text: str) -> None:
    write_archive(tmp_path / "photographs", 2)
    given = [argument.format(photographs=tmp_path / "photographs") for argument in arguments]

    result = run(*given, "--out", tmp_path / "out")

    assert result.exit_code == status
    assert text in result.stderr
    assert "Traceback" not in result.stderr
    assert result.exception is None or isinstance(result.exception, SystemExit)


def test_a_key_file_that_holds_no_text_is_one_line(tmp_path: Path) -> None:
    write_archive(tmp_path / "photographs", 2)
    (tmp_path / "key").write_bytes(b"\xff\xfe")

    result = run(
        tmp_path / "photographs",
        *("--to", "http://127.0.0.1:1", "--api-key-file", tmp_path / "key", "--out", tmp_path / "out"),
    )

    assert result.exit_code == 1
    assert result.stderr == "Error: the key or token is empty, or of characters that none is made of\n"


def test_a_key_is_never_shown(tmp_path: Path) -> None:
    write_archive(tmp_path / "photographs", 2)
    (tmp_path / "key").write_text("mk_secret\n")

    result = run(
        tmp_path / "photographs",
        *("--to", "http://127.0.0.1:1", "--wait", "0", "--api-key-file", tmp_path / "key"),
        *("--out", tmp_path / "out"),
    )

    assert result.exit_code == 1
    assert "secret" not in result.output
