"""`miwake evaluate` as its user sees it."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from miwake.cli import main
from tests.pictures import colour_picture

pytestmark = [pytest.mark.tensorflow, pytest.mark.slow]

COLOURS = ("red", "green", "blue")


@pytest.fixture(scope="module")
def version(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model that, so it says, was trained on the red picture and tested on the green one."""
    from tests.colour_model import publish_colours

    version = publish_colours(tmp_path_factory.mktemp("models") / "colours", unknown_threshold=0.9999)
    rows = [f"{split}/x,x,{split},{_sha256(c)}" for c, split in (("red", "train"), ("green", "test"))]
    record = "\n".join(["path,label,split,sha256", *rows])
    (version / "assets.extra" / "split.csv").write_text(record, "utf-8")
    return version


def _sha256(colour: str) -> str:
    return hashlib.sha256(colour_picture(colour)).hexdigest()


@pytest.fixture
def photographs(tmp_path: Path) -> Path:
    for colour in COLOURS:
        (tmp_path / "in" / colour).mkdir(parents=True)
        (tmp_path / "in" / colour / "1.png").write_bytes(colour_picture(colour))
    return tmp_path / "in"


def evaluate(version: Path, photographs: Path, *arguments: str) -> Result:
    cache = str(photographs.parent / "cache")
    return CliRunner().invoke(
        main, ["evaluate", str(version), str(photographs), "--cache", cache, *arguments]
    )


def test_photographs_of_the_training_are_left_out_and_counted(version: Path, photographs: Path) -> None:
    result = evaluate(version, photographs)

    assert result.exit_code == 0, result.output
    lines = result.stdout.splitlines()
    assert lines[0] == "left out: 1 photographs the model was trained on"
    assert lines[1].endswith("colours/1: 2 images")
    assert [line.split() for line in lines[5:]] == [
        ["label", "images", "precision", "recall"],
        ["green", "1", "1.0000", "1.0000"],
        ["blue", "1", "1.0000", "1.0000"],
    ]


def test_the_share_under_the_threshold_stands_beside_the_accuracy(version: Path, photographs: Path) -> None:
    lines = evaluate(version, photographs).stdout.splitlines()

    assert lines[2] == "accuracy 1.0000 (95 % interval 0.3424 to 1.0000)"
    assert lines[3] == "under the threshold of 0.9999, so unknown: 1.0000; accuracy of the others -"


def test_json_says_how_many_were_left_out(version: Path, photographs: Path) -> None:
    document = json.loads(evaluate(version, photographs, "--json").stdout)

    assert (document["left_out_as_trained_on"], document["images"]) == (1, 2)
    assert (document["unknown_threshold"], document["below_threshold"]) == (0.9999, 1.0)


def test_nothing_left_to_measure_is_one_clear_line(version: Path, photographs: Path) -> None:
    for colour in ("green", "blue"):
        (photographs / colour / "1.png").unlink()
        (photographs / colour).rmdir()

    result = evaluate(version, photographs)

    assert result.exit_code == 1
    assert result.stderr == (
        "Error: the model was trained on all 1 photographs: none is left to measure it\n"
    )
