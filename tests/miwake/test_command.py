"""The command as its user sees it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from miwake.cli import main
from tests.pictures import encoded

HEAVY = {"tensorflow", "keras", "numpy", "PIL", "fastapi", "grpc", "httpx", "pydantic", "training.train"}


def run(*arguments: object) -> object:
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


@pytest.mark.parametrize(
    "arguments", [["--help"], ["train", "--help"], ["predict", "--help"], ["serve", "--help"]]
)
def test_help_imports_nothing_heavy(arguments: list[str]) -> None:
    program = (
        "import atexit, sys;"
        "atexit.register(lambda: print(*sys.modules, file=sys.stderr));"
        f"sys.argv = ['miwake', *{arguments!r}];"
        "from miwake.cli import main; main()"
    )
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)

    assert "Usage: miwake" in result.stdout
    assert HEAVY.isdisjoint(result.stderr.split())


def test_every_command_is_listed() -> None:
    result = run("--help")

    for name in (
        "train",
        "split",
        "advise",
        "recipes",
        "compare",
        "evaluate",
        "filters",
        "serve",
        "demo",
        "keys",
    ):
        assert f"\n  {name} " in result.output


def test_recipes_lists_the_default_with_what_to_expect() -> None:
    result = run("recipes")

    assert result.exit_code == 0
    assert "\nefficientnet-lite0-finetune (the default)\n" in result.output
    assert "efficientnet-lite0-small-pictures (the default of many small pictures)" in result.output
    assert "cnn3" in result.output


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (["serve", "nowhere"], "nowhere is not a folder"),
        (["train", "nowhere", "--name", "x", "--models", "m", "--recipe", "nope"], "no recipe 'nope'"),
        (["predict", "--model", ".", __file__], "no version in"),
        (["predict", "--url", "http://127.0.0.1:9", __file__], "http://127.0.0.1:9"),
        (["predict", "--url", "http://[::1", __file__], "is not a URL"),
    ],
)
def test_an_error_is_one_clear_line_and_a_status(
    arguments: list[str], text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)

    result = run(*arguments)

    assert result.exit_code == 1
    assert result.stderr.startswith("Error: ")
    assert text in result.stderr
    assert result.stderr.count("\n") == 1


def test_serving_needs_a_folder_or_a_running_model_server() -> None:
    result = run("serve")

    assert result.exit_code == 2
    assert "MODELS is needed" in result.output


def test_a_wrong_setting_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MIWAKE_TIMEOUT_SECONDS", "-1")

    result = run("serve", "--model-server", "127.0.0.1:9", "--model", "toy")

    assert (result.exit_code, "MIWAKE_TIMEOUT_SECONDS" in result.output) == (1, True)


@pytest.mark.parametrize(
    ("missing", "arguments", "extra"),
    [
        ("tensorflow", ["train", ".", "--name", "x", "--models", "m"], "training"),
        ("tensorflow", ["evaluate", ".", "."], "training"),
        ("h5py", ["demo"], "training"),
        ("uvicorn", ["serve", "--model-server", "127.0.0.1:9", "--model", "toy"], "serving"),
        ("grpc", ["predict", "--model", ".", __file__], "scoring"),
        ("pydantic", ["keys", "list"], "serving"),
        ("tomlkit", ["keys", "new", "shop"], "serving"),
    ],
)
def test_a_missing_extra_is_one_line_that_names_it(
    missing: str, arguments: list[str], extra: str, tmp_path: Path
) -> None:
    program = f"import sys; sys.modules[{missing!r}] = None; from miwake.cli import main; main()"
    command = [sys.executable, "-c", program, *arguments]
    result = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)

    assert result.returncode == 1
    assert result.stderr == f"Error: {missing} is missing: install miwake with its extra [{extra}]\n"


def test_a_model_server_that_is_neither_a_kind_nor_an_address_is_refused() -> None:
    result = run("serve", "--model-server", "embeded", "--model", "toy")

    assert result.exit_code == 1
    assert "MIWAKE_MODEL_SERVER" in result.output


def test_a_running_model_servers_models_must_be_named() -> None:
    result = run("serve", "--model-server", "127.0.0.1:9")

    assert (result.exit_code, "--model" in result.output) == (2, True)


def test_a_default_model_that_is_not_served_is_named(tmp_path: Path) -> None:
    path = tmp_path / "models.toml"
    path.write_text('default = "other"\n[models.toy]\n')

    result = run("serve", "--model-server", "127.0.0.1:9", "--models-file", path)

    assert (result.exit_code, "other" in result.output) == (1, True)


def test_url_and_model_exclude_each_other(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(encoded())

    assert run("predict", tmp_path / "a.png", "--url", "http://x", "--model", tmp_path).exit_code == 2


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from tests.colour_model import COLOURS, colour_picture, publish_colours

    folder = tmp_path_factory.mktemp("predict")
    publish_colours(folder / "models" / "colours")
    for colour in COLOURS:
        (folder / f"{colour}.png").write_bytes(colour_picture(colour))
    (folder / "text.jpg").write_bytes(b"text")
    return folder


@pytest.mark.tensorflow
@pytest.mark.slow
def test_the_labels_and_their_probabilities_are_printed(folder: Path) -> None:
    result = run("predict", folder / "red.png", "--model", folder / "models" / "colours", "--top", 2)

    first, best, second = result.stdout.splitlines()
    assert result.exit_code == 0
    assert first == f"{folder / 'red.png'}: red"
    assert best.split()[1] == "red"
    assert float(best.split()[0]) > float(second.split()[0])


@pytest.mark.tensorflow
@pytest.mark.slow
def test_json_is_one_document_a_line_and_a_bad_file_fails_alone(folder: Path) -> None:
    files = [folder / name for name in ("green.png", "text.jpg", "blue.png")]

    result = run("predict", *files, "--model", folder / "models" / "colours" / "1", "--json")

    green, text, blue = map(json.loads, result.stdout.splitlines())
    assert (green["label"], blue["label"]) == ("green", "blue")
    assert text["error"]["code"] == "unsupported_format"
    assert result.exit_code == 1
