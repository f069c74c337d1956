"""`miwake predict` before a gateway; straight from a model folder: test_command.py."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from miwake.cli import main
from serving.callers.new_keys import Allowance, add_key
from tests.colour_server import COLOURS, colour_manifest, probabilities
from tests.fake_model_server import FakeModelServer, FakeVersion
from tests.pictures import colour_picture
from tests.serving.gateway_thread import gateway_at_port


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("pictures")
    for colour in COLOURS:
        (folder / f"{colour}.png").write_bytes(colour_picture(colour))
    (folder / "text.jpg").write_bytes(b"text")
    (folder / "key").write_text(add_key(folder / "keys.toml", "alice", Allowance()) + "\n")
    return folder


@pytest.fixture(scope="module")
def url(folder: Path) -> Iterator[str]:
    server = FakeModelServer({"toy": {1: FakeVersion(colour_manifest(), network=probabilities)}})
    with gateway_at_port(server, keys_file=folder / "keys.toml", timeout_seconds=5) as url:
        yield url


def predict(folder: Path, url: str, *arguments: str) -> Result:
    command = ["predict", "--url", url, "--api-key-file", str(folder / "key"), *arguments]
    return CliRunner().invoke(main, command)


def test_labels_and_candidates_are_printed(folder: Path, url: str) -> None:
    result = predict(folder, url, str(folder / "red.png"), str(folder / "blue.png"), "--top", "2")

    lines = result.stdout.splitlines()
    assert result.exit_code == 0
    assert [lines[0], lines[3]] == [f"{folder / 'red.png'}: red", f"{folder / 'blue.png'}: blue"]
    assert lines[1].split() == ["0.999992", "red"]
    assert len(lines) == 6


def test_json_is_one_document_a_line_and_a_bad_file_fails_alone(folder: Path, url: str) -> None:
    files = [str(folder / name) for name in ("green.png", "text.jpg", "blue.png")]

    result = predict(folder, url, *files, "--json")

    green, text, blue = map(json.loads, result.stdout.splitlines())
    assert (green["label"], green["name"], blue["label"]) == ("green", files[0], "blue")
    assert [candidate["label"] for candidate in green["top"]] == ["green", "red", "blue"]
    assert (text["error"]["code"], text["name"]) == ("unsupported_format", files[1])
    assert result.exit_code == 1


def test_what_concerns_all_files_is_one_line(folder: Path, url: str) -> None:
    for content in (b"wrong", b"\xff\xfe"):
        (folder / "wrong").write_bytes(content)

        result = CliRunner().invoke(
            main, ["predict", "--url", url, "--api-key-file", str(folder / "wrong"), str(folder / "red.png")]
        )

        assert result.exit_code == 1
        assert result.stderr.startswith("Error: ")
        assert result.stderr.count("\n") == 1
