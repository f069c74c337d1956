"""`miwake train`: what it leaves and says; of bad input one clear line and no half-written version."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image

import training.default_recipe
from tests.miwake.train_command import (
    LARGE_RECIPE,
    train,
    train_as_a_process,
)
from tests.pictures import encoded
from tests.small_disk import mounted

pytestmark = [
    pytest.mark.tensorflow,
    pytest.mark.slow,
    # Keras 3.15 reads its variables with `np.array(x)`, whose TensorFlow side NumPy 2 finds out of date.
    pytest.mark.filterwarnings("ignore:__array__ implementation doesn't accept a copy:DeprecationWarning"),
]


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    with mounted(tmp_path / "disk", size="4m") as disk:
        yield disk


def files_below(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


def assert_one_line(result: subprocess.CompletedProcess[str], text: str) -> None:
    errors = [
        line for line in result.stderr.splitlines() if not line.startswith(("decoding", "reading", "recipe"))
    ]
    assert result.returncode == 1
    assert len(errors) == 1, result.stderr
    assert errors[0].startswith("Error: ")
    assert text in errors[0]


def test_a_missing_weights_file(photographs: Path, tmp_path: Path) -> None:
    result = train_as_a_process(photographs, tmp_path / "models", "--weights", str(tmp_path / "nowhere.pth"))

    assert_one_line(result, "nowhere.pth")
    assert not (tmp_path / "models" / "toy").exists()


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (("--strategy", "multi-worker"), "choose --strategy mirrored on one host with several GPUs"),
        (("--backbone", "VGG61"), "network is not one of efficientnet-lite0, cnn3, cnn4, VGG16"),
        (("--recipe", "linear", "--backbone", "cnn3"), "cnn3 starts from random weights"),
    ],
)
def test_what_cannot_be_followed(
    photographs: Path, tmp_path: Path, arguments: tuple[str, ...], text: str
) -> None:
    result = train(photographs, tmp_path / "models", *arguments)

    assert_one_line(result, text)
    assert not (tmp_path / "models" / "toy").exists()


@pytest.mark.parametrize(
    ("arguments", "many", "said"),
    [
        ((), False, ["recipe: efficientnet-lite0-finetune"]),
        ((), True, ["recipe: efficientnet-lite0-small-pictures"]),
        (("--backbone", "MobileNetV2"), True, ["recipe: linear"]),
        (("--recipe", "efficientnet-lite0-linear"), True, []),
    ],
)
def test_the_recipe_is_said_where_none_was_named(  # noqa: PLR0913, PLR0917 - fixtures and cases
    photographs: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    arguments: tuple[str, ...],
    many: bool,
    said: list[str],
) -> None:
    monkeypatch.setattr(training.default_recipe, "is_large", lambda _: many)

    result = train(photographs, tmp_path / "models", *arguments, "--weights", str(tmp_path / "nowhere"))

    assert [line for line in result.stderr.splitlines() if line.startswith("recipe")] == said
    assert_one_line(result, "nowhere")


def test_a_folder_of_runs_that_cannot_be_made(photographs: Path, small_recipe: str, tmp_path: Path) -> None:
    (tmp_path / "runs").touch()

    result = train(photographs, tmp_path / "models", "--recipe", small_recipe)

    assert_one_line(result, "cannot write into")
    assert files_below(tmp_path / "models") == []


def test_a_run_leaves_a_report_and_events_and_a_second_one_begins_anew(
    photographs: Path, small_recipe: str, tmp_path: Path
) -> None:
    arguments = ("--recipe", small_recipe, "--class-weights", "--tensorboard")
    results = [train_as_a_process(photographs, tmp_path / "models", *arguments) for _ in range(2)]

    runs = list((tmp_path / "runs").iterdir())
    assert [result.returncode for result in results] == [0, 0], results[0].stderr
    assert len(runs) == 2
    for run in runs:
        kept = {path.name for path in run.iterdir()}
        assert kept >= {"report.html", "report.json", "history.csv", "split.csv", "predictions.csv"}
        assert list(run.glob("tensorboard/events.out.tfevents.*"))
        assert "progress.npz" not in kept
        assert f"report {run / 'report.html'}" in results[0].stdout + results[1].stdout
        recorded = json.loads((run / "report.json").read_text())
        assert recorded["recipe_values"]["class_weights"] is True
        assert recorded["command"].startswith("miwake train ")


def test_an_empty_class_folder(photographs: Path, tmp_path: Path) -> None:
    (photographs / "white").mkdir()

    result = train(photographs, tmp_path / "models")

    assert_one_line(result, "white is empty")
    assert not (tmp_path / "models" / "toy").exists()


def test_a_full_disk_during_the_export(photographs: Path, small_disk: Path, tmp_path: Path) -> None:
    recipe = tmp_path / "large.toml"
    recipe.write_text(LARGE_RECIPE)

    result = train_as_a_process(photographs, small_disk, "--recipe", str(recipe))

    assert_one_line(result, "No space left on device")
    assert files_below(small_disk) == []


def test_a_file_that_is_no_image_is_left_out_and_listed(
    photographs: Path, small_recipe: str, tmp_path: Path
) -> None:
    (photographs / "red" / "notes.jpg").write_text("text")
    (photographs / "blue" / os.fsdecode(b"caf\xe9.png")).write_bytes(encoded(Image.new("RGB", (9, 9))))
    (photographs / "blue" / os.fsdecode(b"caf\xe9.txt")).write_text("text")
    (photographs / "readme.txt").write_text("text")

    result = train(photographs, tmp_path / "models", "--recipe", small_recipe)

    assert result.returncode == 0, result.stderr
    for name in ("blue/caf\\udce9.txt", "red/notes.jpg", "readme.txt"):
        assert f"left out: {name}:" in result.stderr
    extra = tmp_path / "models/toy/1/assets.extra"
    assert "unsupported_format" in (extra / "report.json").read_text()
    assert "blue/caf\\udce9.png,blue," in (extra / "split.csv").read_text()


def test_copies_of_held_out_photographs_are_counted(
    photographs: Path, small_recipe: str, tmp_path: Path
) -> None:
    tree = tmp_path / "tree"
    shutil.copytree(photographs, tree / "train")
    shutil.copytree(photographs, tree / "test", ignore=shutil.ignore_patterns("[1-9]*"))

    result = train(tree, tmp_path / "models", "--recipe", small_recipe)

    assert result.returncode == 0, result.stderr
    assert (
        "left out: 3 photographs of train/ or validation/ with the bytes of a held-out one" in result.stderr
    )


def test_a_model_whose_golden_examples_are_weak_says_so(
    photographs: Path, small_recipe: str, tmp_path: Path
) -> None:
    """Too small a rate to learn anything: the network stays as undecided as it was."""
    recipe = Path(small_recipe)
    recipe.write_text(recipe.read_text().replace("rate = 0.001", "rate = 1e-12").replace("[8]", "[1]"))

    result = train(photographs, tmp_path / "models", "--recipe", small_recipe)

    assert result.returncode == 0, result.stderr
    assert "warning: the model tells none of the generated golden examples apart firmly" in result.stderr
    assert "--golden photographs" in result.stderr


def test_a_version_with_other_labels_than_the_one_before_is_warned_of(
    photographs: Path, small_recipe: str, tmp_path: Path
) -> None:
    first = train(photographs, tmp_path / "models", "--recipe", small_recipe)
    (photographs / "red").rename(photographs / "rosy")
    second = train(photographs, tmp_path / "models", "--recipe", small_recipe)

    assert "other labels" not in first.stderr
    assert "warning: other labels than the version before: -red +rosy" in second.stderr


@pytest.mark.parametrize("seed", ["-1", str(2**32)])
def test_a_seed_that_no_generator_takes_is_a_usage_error(
    photographs: Path, tmp_path: Path, seed: str
) -> None:
    result = train(photographs, tmp_path / "models", "--seed", seed)

    assert result.returncode == 2
    assert "--seed" in result.stderr
