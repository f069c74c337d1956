"""`miwake compare` as its user sees it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from miwake.cli import main
from tests.training.finished_runs import write_run


def compare(*arguments: str | Path) -> Result:
    return CliRunner().invoke(main, ["compare", *map(str, arguments)])


@pytest.fixture
def runs(tmp_path: Path) -> list[Path]:
    names = [f"image-{number}" for number in range(9)]
    return [
        write_run(tmp_path / "plain", dict.fromkeys(names, False)),
        write_run(tmp_path / "augmented", dict.fromkeys(names, True)),
    ]


def test_runs_stand_side_by_side_above_the_test(runs: list[Path]) -> None:
    result = compare(*runs)

    assert result.exit_code == 0, result.output
    head, plain, augmented, _, sentence = result.stdout.splitlines()
    assert head.split()[:5] == ["run", "recipe", "seed", "train", "test"]
    assert plain.split()[:7] == ["1", "plain", "cnn3", "3", "40", "9", "0.0000"]
    assert augmented.split()[:2] == ["2", "augmented"]
    assert sentence.startswith("Run 2 is better than run 1: of 9 test images that both have, it alone")


def test_json_holds_runs_and_pairs(runs: list[Path]) -> None:
    document = json.loads(compare(*runs, "--json").stdout)

    assert [run["id"] for run in document["runs"]] == ["plain", "augmented"]
    assert document["pairs"][0]["only_second"] == 9
    assert document["pairs"][0]["sentence"].startswith("augmented is better")


def test_an_unfinished_run_is_refused_in_one_line(runs: list[Path], tmp_path: Path) -> None:
    (tmp_path / "begun").mkdir()

    result = compare(runs[0], tmp_path / "begun")

    assert result.exit_code == 1
    assert result.stderr.splitlines() == [
        f"Error: {tmp_path}/begun is no finished run: it has no report.json"
    ]


def test_one_run_is_not_compared_with_itself(runs: list[Path]) -> None:
    assert compare(runs[0]).exit_code == 2
    assert compare(runs[0], runs[0]).exit_code == 2
