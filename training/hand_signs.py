"""The demo's photographs: a hand that shows 0 to 5 fingers, from the package tichonet-unit10 (MIT).

1,080 to learn from and 120 to test on, 64 by 64 pixels.
"""

from __future__ import annotations

import shutil
import uuid
from importlib import util
from pathlib import Path

import h5py
from PIL import Image
from tqdm import tqdm

from training.errors import DatasetError

PACKAGE = "tichonet-unit10"
_MODULE = "Tichonet_Unit10"


def extract(target: Path, *, progress: bool = True) -> None:
    """Write `target/{train,test}/<fingers>/NNNN.png`; nothing happens where `target` exists.

    Raises:
        DatasetError: the package is missing or damaged, or the folder cannot be written.
    """
    if target.exists():
        return
    source = _datasets()
    aside = target.with_name(f".{target.name}-{uuid.uuid4().hex}")
    try:
        for split in ("train", "test"):
            _write_split(source / f"{split}_signs.h5", split, aside / split, progress=progress)
        aside.rename(target)
    except (OSError, KeyError) as exc:
        raise DatasetError(f"cannot write the photographs of {PACKAGE} to {target}: {exc}") from exc
    finally:
        shutil.rmtree(aside, ignore_errors=True)


def _datasets() -> Path:
    """The package's data, found without importing it: its modules want other packages."""
    module = util.find_spec(_MODULE)
    if module is None or not module.submodule_search_locations:
        raise DatasetError(f"the demo photographs come from the package {PACKAGE}: install it")
    return Path(next(iter(module.submodule_search_locations))) / "datasets"


def _write_split(source: Path, split: str, folder: Path, *, progress: bool) -> None:
    with h5py.File(source) as file:
        images, fingers = file[f"{split}_set_x"][:], file[f"{split}_set_y"][:]
    bar = tqdm(images, f"{split} photographs", disable=None if progress else True)
    for index, (image, label) in enumerate(zip(bar, fingers, strict=True)):
        path = folder / str(int(label)) / f"{index:04d}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(image).save(path)
