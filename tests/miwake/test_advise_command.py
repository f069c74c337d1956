"""`miwake advise` as its user sees it."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from PIL import Image

from miwake.cli import main

pytestmark = [pytest.mark.tensorflow, pytest.mark.slow]


@pytest.fixture
def photographs(tmp_path: Path) -> Path:
    for colour in ("red", "blue"):
        folder = tmp_path / "my photographs" / colour
        folder.mkdir(parents=True)
        for side in range(20, 24):
            Image.new("RGB", (side, 30), colour).save(folder / f"{side}.png")
    return tmp_path / "my photographs"


def advise(photographs: Path, *arguments: str) -> Result:
    cache = str(photographs.parent / "cache")
    return CliRunner().invoke(main, ["advise", str(photographs), "--cache", cache, *arguments])


def test_the_last_line_is_the_command_to_run(photographs: Path) -> None:
    result = advise(photographs)

    assert result.exit_code == 0, result.output
    lines = result.stdout.splitlines()
    assert lines[0] == "8 photographs, 2 classes of 4 to learn from"
    assert lines[-1] == (
        f"miwake train '{photographs}' --recipe efficientnet-lite0-linear --name NAME --models MODELS"
    )


def test_the_times_are_called_the_upper_limits_that_they_are(photographs: Path) -> None:
    result = advise(photographs)

    lines = result.stdout.splitlines()
    times = lines[lines.index("estimated time on this machine:") + 1 : -1]
    assert len(times) == 4  # of such small pictures one more
    assert all("  at most " in line for line in times)


def test_json_carries_the_facts_and_names_what_was_left_out(photographs: Path) -> None:
    (photographs / "red" / "notes.jpg").write_text("text")

    result = advise(photographs, "--json")

    document = json.loads(result.stdout)
    assert document["recipe"] == "efficientnet-lite0-linear"
    assert document["facts"]["contrast"]["images"] == 8
    assert set(document["estimated_seconds"]) >= {document["recipe"]}
    assert "left out: red/notes.jpg" in result.stderr


def test_a_class_without_a_readable_photograph_is_one_clear_line(photographs: Path) -> None:
    shutil.rmtree(photographs / "red")
    (photographs / "red").mkdir()
    (photographs / "red" / "1.png").write_text("text")

    result = advise(photographs)

    assert result.exit_code == 1
    assert result.stderr.splitlines()[-1] == "Error: the class 'red' has no photograph that can be read"
