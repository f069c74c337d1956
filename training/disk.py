"""What lies on the disk for sure: arrays larger than the memory, files and names a power cut leaves whole."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt


def new_disk_array(path: Path, shape: tuple[int, ...], dtype: npt.DTypeLike) -> Any:
    """A memory map in NumPy's `.npy` format whose room on the disk is already taken.

    Raises:
        OSError: there is not enough room. Writing to a map on a full disk would kill the process instead.
    """
    array = np.lib.format.open_memmap(path, mode="w+", dtype=dtype, shape=shape)
    if hasattr(os, "posix_fallocate"):  # not on macOS
        with path.open("r+b") as file:
            os.posix_fallocate(file.fileno(), 0, path.stat().st_size)
    return array


def sync_file(path: Path) -> None:
    """Bring content to the disk before its name: a power cut may come between."""
    with path.open("rb") as file:
        os.fsync(file.fileno())


def sync_folder(folder: Path) -> None:
    """Bring the names in a folder to the disk."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
