"""The demo's photographs: a hand that shows 0 to 5 fingers, 1,080 to learn from and 120 to test on."""

from __future__ import annotations

import shutil
import uuid
from pathlib import Path
from typing import Literal

from PIL import Image
from tqdm import tqdm

from training.errors import DatasetError
from training.tichonet import PACKAGE, read_pictures


def extract(target: Path, *, progress: bool = True) -> None:
    """Write `target/{train,test}/<fingers>/NNNN.png`; nothing happens where `target` exists.

    Raises:
        DatasetError: the package is missing or damaged, or the folder cannot be written.
    """
    if target.exists():
        return
    aside = target.with_name(f".{target.name}-{uuid.uuid4().hex}")
    try:
        _write_split("train", aside / "train", progress=progress)
        _write_split("test", aside / "test", progress=progress)
        aside.rename(target)
    except OSError as exc:
        raise DatasetError(f"cannot write the photographs of {PACKAGE} to {target}: {exc}") from exc
    finally:
        shutil.rmtree(aside, ignore_errors=True)


def _write_split(split: Literal["train", "test"], folder: Path, *, progress: bool) -> None:
    images, fingers = read_pictures("signs", split)
    bar = tqdm(images, f"{split} photographs", disable=None if progress else True)
    for index, (image, label) in enumerate(zip(bar, fingers, strict=True)):
        path = folder / str(int(label)) / f"{index:04d}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(image).save(path)
