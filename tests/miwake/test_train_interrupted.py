"""`miwake train` ended early: nothing half-written stays, and the same command goes on."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from tests.ctrl_c import heed_ctrl_c
from tests.miwake.train_command import command_of, train
from tests.pictures import encoded

pytestmark = [
    pytest.mark.tensorflow,
    pytest.mark.slow,
    # Keras 3.15 reads its variables with `np.array(x)`, whose TensorFlow side NumPy 2 finds out of date.
    pytest.mark.filterwarnings("ignore:__array__ implementation doesn't accept a copy:DeprecationWarning"),
]

# What is there while a version is exported.
EXPORTING = "toy/.incoming-*/incoming/assets.extra/report.json"


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
