"""`miwake train` with bad input or ended early: one clear line, a status, and no half-written version."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from PIL import Image

from miwake.cli import main
from tests.ctrl_c import heed_ctrl_c
from tests.pictures import encoded
from tests.small_disk import mounted

pytestmark = [
    pytest.mark.tensorflow,
    pytest.mark.slow,
    # Keras 3.15 reads its variables with `np.array(x)`, whose TensorFlow side NumPy 2 finds out of date.
    pytest.mark.filterwarnings("ignore:__array__ implementation doesn't accept a copy:DeprecationWarning"),
]

# What is there while a version is exported.
EXPORTING = "toy/.incoming-*/incoming/assets.extra/report.json"

# A first Dense layer of some megabytes, so that the export outgrows a small disk.
LARGE_RECIPE = """
name = "large"
network = "cnn3"
weights = "none"
scaling = "1/255"

[image]
height = 64
width = 64
fit = "stretch"
filter = "bilinear"

[head]
pooling = "flatten"
hidden = [1024]
dropout = 0.5

[[stages]]
frozen = "none"
optimizer = "adam"
rate = 0.001
epochs = 1
batch_size = 8
"""


@pytest.fixture
def photographs(tmp_path: Path) -> Path:
    for colour in ("red", "green", "blue"):
        folder = tmp_path / "photographs" / colour
        folder.mkdir(parents=True)
        for shade in range(12):
            image = Image.new("RGB", (40 + shade, 30), colour)
            (folder / f"{shade}.png").write_bytes(encoded(image))
    return tmp_path / "photographs"


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    with mounted(tmp_path / "disk", size="4m") as disk:
        yield disk


def command_of(photographs: Path, models: Path, *arguments: str) -> list[str]:
    return [
        *(sys.executable, "-m", "miwake", "train", str(photographs)),
        *("--name", "toy", "--models", str(models), "--cache", str(photographs.parent / "cache")),
        *("--runs", str(photographs.parent / "runs"), *arguments),
    ]


def train_as_a_process(photographs: Path, models: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = command_of(photographs, models, *arguments)
    return subprocess.run(command, capture_output=True, text=True, check=False)


def train(photographs: Path, models: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Here: a process would spend most of its time on importing TensorFlow."""
    command = command_of(photographs, models, *arguments)
    result = CliRunner().invoke(main, command[3:])
    return subprocess.CompletedProcess(
        command, returncode=result.exit_code, stdout=result.stdout, stderr=result.stderr
    )


@pytest.fixture
def small_recipe(tmp_path: Path) -> str:
    recipe = tmp_path / "small.toml"
    recipe.write_text(LARGE_RECIPE.replace("hidden = [1024]", "hidden = [8]"))
    return str(recipe)


def files_below(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


def assert_one_line(result: subprocess.CompletedProcess[str], text: str) -> None:
    errors = [line for line in result.stderr.splitlines() if not line.startswith(("decoding", "reading"))]
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


def end_once(
    process: subprocess.Popen[Any], folder: Path, pattern: str, number: int = signal.SIGTERM
) -> None:
    """The signal as soon as the folder holds something of that pattern."""
    give_up = time.monotonic() + 120
    while not any(folder.glob(pattern)):
        assert process.poll() is None, "it ended before it could be ended"
        assert time.monotonic() < give_up
        time.sleep(0.002)
    process.send_signal(number)


def test_sigterm_while_photographs_are_decoded_leaves_nothing_half_written(tmp_path: Path) -> None:
    content = encoded(Image.new("RGB", (2000, 2000), "red"))
    for number in range(120):
        path = tmp_path / "photographs" / "ab"[number % 2] / f"{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content + bytes([number]))

    with subprocess.Popen(command_of(tmp_path / "photographs", tmp_path / "models")) as process:
        end_once(process, tmp_path / "cache", ".pixels-*/pixels-*/pixels.npy")

    assert process.returncode == 128 + signal.SIGTERM
    assert list((tmp_path / "cache").iterdir()) == []
    assert not (tmp_path / "models").exists()


def test_sigterm_during_the_export_leaves_nothing_half_written(
    photographs: Path, small_recipe: str, tmp_path: Path
) -> None:
    command = command_of(photographs, tmp_path / "models", "--recipe", small_recipe)
    with subprocess.Popen(command) as process:
        end_once(process, tmp_path / "models", EXPORTING)

    # TensorFlow may swallow the exception (in a weak reference's callback, say): then the version is whole.
    published = (tmp_path / "models" / "toy" / "1" / "saved_model.pb").exists()
    assert process.returncode == (0 if published else 128 + signal.SIGTERM)
    assert not list(tmp_path.glob("models/**/.incoming-*"))


def test_an_export_that_is_killed_leaves_nothing_once_the_same_command_has_published(
    photographs: Path, small_recipe: str, tmp_path: Path
) -> None:
    with subprocess.Popen(command_of(photographs, tmp_path / "models", "--recipe", small_recipe)) as process:
        end_once(process, tmp_path / "models", EXPORTING, signal.SIGKILL)
    left = list(tmp_path.glob("models/toy/.incoming-*"))

    result = train(photographs, tmp_path / "models", "--recipe", small_recipe)

    assert len(left) == 1
    assert result.returncode == 0, result.stderr
    assert [path.name for path in (tmp_path / "models" / "toy").iterdir()] == ["1"]


# Dies where a run's report is given its name, which comes after its version's.
DYING = """
import os, sys

def die(event, arguments):
    if event == "os.rename" and os.path.basename(arguments[1]) == "report.json":
        os._exit(9)

sys.addaudithook(die)
from miwake.cli import main
main()
"""


def test_a_run_that_dies_between_its_version_and_its_report_has_one_version_in_the_end(
    photographs: Path, small_recipe: str, tmp_path: Path
) -> None:
    command = command_of(photographs, tmp_path / "models", "--recipe", small_recipe)
    died = subprocess.run([sys.executable, "-c", DYING, *command[3:]], capture_output=True, check=False)
    published = [path.name for path in (tmp_path / "models" / "toy").iterdir()]
    [unfinished] = (tmp_path / "runs").iterdir()

    again = train(photographs, tmp_path / "models", "--recipe", small_recipe)

    assert died.returncode == 9, died.stderr
    assert published == ["1"]
    assert again.returncode == 0, again.stderr
    assert f"published {tmp_path / 'models' / 'toy' / '1'}" in again.stdout
    assert [path.name for path in (tmp_path / "models" / "toy").iterdir()] == ["1"]
    assert list((tmp_path / "runs").iterdir()) == [unfinished]
    assert json.loads((unfinished / "report.json").read_text())["version"].endswith("/toy/1")


@pytest.mark.parametrize(
    ("number", "extra", "command_to_give"),
    [
        (signal.SIGINT, (), "the same command"),
        (signal.SIGTERM, (), "the same command"),
        (signal.SIGINT, ("--fresh",), "the same command without --fresh"),
    ],
)
def test_who_ends_a_run_is_told_how_to_go_on(  # noqa: PLR0913, PLR0917 - fixtures and cases
    photographs: Path,
    small_recipe: str,
    tmp_path: Path,
    number: signal.Signals,
    extra: tuple[str, ...],
    command_to_give: str,
) -> None:
    recipe = Path(small_recipe)
    recipe.write_text(recipe.read_text().replace("epochs = 1", "epochs = 1000"))
    with subprocess.Popen(
        command_of(photographs, tmp_path / "models", "--recipe", small_recipe, *extra),
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=heed_ctrl_c,  # noqa: PLW1509 - no thread here
    ) as process:
        end_once(process, tmp_path / "runs", "*/progress.npz", number)
        _, said = process.communicate(timeout=60)

    assert process.returncode == 128 + number
    assert "Traceback" not in said
    assert said.splitlines()[-1] == (
        f"interrupted: {command_to_give} goes on with the newest unfinished run after its last whole epoch, "
        "or begins again if there is none"
    )
