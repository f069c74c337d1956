"""`miwake split` as its user sees it."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from miwake.cli import main
from tests.pictures import encoded, picture


@pytest.fixture
def photographs(tmp_path: Path) -> Path:
    for number in range(20):
        path = tmp_path / "in" / ("iris" if number < 10 else "tulip") / f"image_{number:02}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(encoded(picture(seed=number)))
    return tmp_path / "in"


def split(*arguments: str | Path) -> Result:
    return CliRunner().invoke(main, ["split", *map(str, arguments)])


def test_it_tells_how_many_photographs_went_where(photographs: Path, tmp_path: Path) -> None:
    (photographs / "iris" / "notes.txt").write_text("text")

    result = split(
        *(photographs, tmp_path / "out"),
        *("--train", "6", "--validation", ".2", "--test", "2", "--folds", "2", "--classes", "iris, tulip"),
    )

    assert result.exit_code == 0, result.output
    assert result.stdout.splitlines() == [
        f"{tmp_path}/out/fold-1: train 12, validation 4, test 4 photographs of 2 classes",
        f"{tmp_path}/out/fold-2: train 12, validation 4, test 4 photographs of 2 classes",
        "all files are hard links",
    ]
    assert "left out: iris/notes.txt:" in result.stderr


def test_a_refusal_is_one_line(photographs: Path, tmp_path: Path) -> None:
    result = split(photographs, tmp_path / "out", "--test", "10")

    assert result.exit_code == 1
    assert result.stderr.splitlines()[-1].startswith("Error: the class 'iris' has 10 different photographs")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("share", ["1.5", "-0.1", "-3", "half", "nan", ""])
def test_a_share_that_is_none_is_a_usage_error(photographs: Path, tmp_path: Path, share: str) -> None:
    result = split(photographs, tmp_path / "out", f"--train={share}")

    assert result.exit_code == 2
    assert "'--train'" in result.stderr
