"""`miwake train` with bad input: one clear line, a status, and no half-written version."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image

from tests.pictures import encoded

pytestmark = [pytest.mark.tensorflow, pytest.mark.slow]

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
patience = 0
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
    """A file system of 4 MB."""
    disk = tmp_path / "disk"
    disk.mkdir()
    if (
        os.geteuid() != 0
        or subprocess.run(
            ["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", str(disk)],  # noqa: S607
            check=False,
        ).returncode
    ):
        pytest.skip("needs the right to mount")
    yield disk
    subprocess.run(["umount", str(disk)], check=True)  # noqa: S607


def train(photographs: Path, models: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [
        *(sys.executable, "-m", "miwake", "train", str(photographs)),
        *("--name", "toy", "--models", str(models), "--cache", str(photographs.parent / "cache")),
        *arguments,
    ]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def files_below(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


def assert_one_line(result: subprocess.CompletedProcess[str], text: str) -> None:
    errors = [line for line in result.stderr.splitlines() if not line.startswith(("decoding", "reading"))]
    assert result.returncode == 1
    assert len(errors) == 1, result.stderr
    assert errors[0].startswith("Error: ")
    assert text in errors[0]


def test_a_missing_weights_file(photographs: Path, tmp_path: Path) -> None:
    result = train(photographs, tmp_path / "models", "--weights", str(tmp_path / "nowhere.pth"))

    assert_one_line(result, "nowhere.pth")
    assert not (tmp_path / "models" / "toy").exists()


def test_an_empty_class_folder(photographs: Path, tmp_path: Path) -> None:
    (photographs / "white").mkdir()

    result = train(photographs, tmp_path / "models")

    assert_one_line(result, "white is empty")
    assert not (tmp_path / "models" / "toy").exists()


def test_a_full_disk_during_the_export(photographs: Path, small_disk: Path, tmp_path: Path) -> None:
    recipe = tmp_path / "large.toml"
    recipe.write_text(LARGE_RECIPE)

    result = train(photographs, small_disk, "--recipe", str(recipe))

    assert_one_line(result, "No space left on device")
    assert files_below(small_disk) == []


def test_a_file_that_is_no_image_is_left_out_and_listed(photographs: Path, tmp_path: Path) -> None:
    (photographs / "red" / "notes.jpg").write_text("text")
    recipe = tmp_path / "small.toml"
    recipe.write_text(LARGE_RECIPE.replace("hidden = [1024]", "hidden = [8]"))

    result = train(photographs, tmp_path / "models", "--recipe", str(recipe))

    assert result.returncode == 0, result.stderr
    assert "left out: red/notes.jpg" in result.stderr
    assert "unsupported_format" in (tmp_path / "models/toy/1/assets.extra/report.json").read_text()
