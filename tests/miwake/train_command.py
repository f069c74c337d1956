"""Runs `miwake train` on a few small photographs, here or as a process."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from click.testing import CliRunner
from PIL import Image

from miwake.cli import main
from tests.pictures import encoded

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


def write_photographs(folder: Path) -> Path:
    """Twelve of each of three colours."""
    for colour in ("red", "green", "blue"):
        (folder / colour).mkdir(parents=True)
        for shade in range(12):
            image = Image.new("RGB", (40 + shade, 30), colour)
            (folder / colour / f"{shade}.png").write_bytes(encoded(image))
    return folder


def write_small_recipe(path: Path) -> str:
    """As LARGE_RECIPE, but that it takes no room."""
    path.write_text(LARGE_RECIPE.replace("hidden = [1024]", "hidden = [8]"))
    return str(path)


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
