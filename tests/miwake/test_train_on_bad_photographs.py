"""`miwake train` on photographs that nothing can be learnt from: one clear line and nothing published."""

from __future__ import annotations

import shutil
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner

from miwake.cli import main
from tests.pictures import encoded, picture

pytestmark = [pytest.mark.tensorflow, pytest.mark.slow]


def write(folder: Path, count: int) -> None:
    """Pictures that no other folder has."""
    folder.mkdir(parents=True)
    seed = zlib.crc32(str(folder).encode()) % 200
    for number in range(count):
        (folder / f"{number}.png").write_bytes(encoded(picture(40, 30 + number, seed=seed)))


def one_class(root: Path) -> None:
    write(root / "iris", 9)


def two_images_a_class(root: Path) -> None:
    for label in ("iris", "rose"):
        write(root / label, 2)


def one_class_of_two_images(root: Path) -> None:
    write(root / "iris", 20)
    write(root / "rose", 2)


def a_class_missing_from_validation(root: Path) -> None:
    for label in ("iris", "rose"):
        write(root / "train" / label, 9)
    write(root / "validation" / "iris", 3)


def a_class_whose_validation_files_are_those_of_train(root: Path) -> None:
    for label in ("iris", "rose"):
        write(root / "train" / label, 3)
    write(root / "validation" / "iris", 3)
    shutil.copytree(root / "train" / "rose", root / "validation" / "rose")


def a_class_whose_validation_files_are_corrupt(root: Path) -> None:
    for label in ("iris", "rose"):
        write(root / "train" / label, 9)
        write(root / "validation" / label, 3)
    for path in (root / "validation" / "rose").iterdir():
        path.write_bytes(path.read_bytes()[:50])


def a_validation_folder_of_corrupt_files(root: Path) -> None:
    a_class_whose_validation_files_are_corrupt(root)
    for path in (root / "validation" / "iris").iterdir():
        path.write_bytes(b"text")


def a_validation_folder_without_class_folders(root: Path) -> None:
    for label in ("iris", "rose"):
        write(root / "train" / label, 9)
    write(root / "validation", 3)


def all_files_corrupt(root: Path) -> None:
    for label in ("iris", "rose"):
        (root / label).mkdir(parents=True)
        for number in range(9):
            (root / label / f"{number}.png").write_bytes(encoded()[:50])


def a_class_called_unknown(root: Path) -> None:
    for label in ("iris", "Unknown"):
        write(root / label, 9)


def a_damaged_idx_file(root: Path) -> None:
    root.mkdir()
    for kind in ("images-idx3", "labels-idx1"):
        (root / f"train-{kind}-ubyte.gz").write_bytes(b"no gzip")


@pytest.mark.parametrize(
    ("make", "line"),
    [
        (one_class, "gives the class 'iris' alone; at least two are needed"),
        (two_images_a_class, "the class 'iris' has 2 different photographs of its own and needs 3, one each"),
        (one_class_of_two_images, "the class 'rose' has 2 different photographs of its own and needs 3"),
        (a_class_missing_from_validation, "validation/ has no folder for the class 'rose' that train/ has"),
        (
            a_class_whose_validation_files_are_those_of_train,
            "train/rose/0.png is the same as validation/rose/0.png",
        ),
        (
            a_class_whose_validation_files_are_corrupt,
            "'rose' has no readable photograph left in the validation",
        ),
        (a_validation_folder_of_corrupt_files, "no readable photograph is left for the validation split"),
        (
            a_validation_folder_without_class_folders,
            "validation has no class folder: add them, or take it away",
        ),
        (all_files_corrupt, "the class 'iris' has no photograph that can be read"),
        (a_class_called_unknown, "a class cannot be called 'Unknown'"),
        (a_damaged_idx_file, "train-images-idx3-ubyte.gz is no whole gzip stream"),
    ],
)
def test_it_is_refused_in_one_line(make: Callable[[Path], None], line: str, tmp_path: Path) -> None:
    make(tmp_path / "in")
    models = tmp_path / "models"

    result = CliRunner().invoke(
        main,
        [
            *("train", str(tmp_path / "in"), "--name", "toy", "--recipe", "cnn3"),
            *("--models", str(models), "--cache", str(tmp_path / "cache")),
        ],
    )

    errors = [text for text in result.stderr.splitlines() if text.startswith("Error: ")]
    assert result.exit_code == 1
    assert len(errors) == 1
    assert line in errors[0]
    assert "Traceback" not in result.output
    assert not list(models.rglob("*.pb"))
