"""Arrays larger than the memory."""

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
