"""Photographs that every installation has: those in the package tichonet-unit10 (MIT), 64 by 64 pixels."""

from __future__ import annotations

from importlib import util
from pathlib import Path
from typing import Literal

import h5py
import numpy as np
import numpy.typing as npt

from training.errors import DatasetError

PACKAGE = "tichonet-unit10"
_MODULE = "Tichonet_Unit10"
_FILES = {"signs": "{split}_signs.h5", "cats": "cat_nocat/{split}_catvnoncat.h5"}


def read_pictures(
    collection: Literal["signs", "cats"], split: Literal["train", "test"]
) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.int64]]:
    """The pictures of a collection and what they show.

    Args:
        collection: `signs`, a hand that shows so many fingers, or `cats`, 1 a cat and 0 anything else.
        split: the package's.

    Returns:
        uint8 [N, 64, 64, 3] and int64 [N].

    Raises:
        DatasetError: the package is missing or damaged.
    """
    path = _datasets() / _FILES[collection].format(split=split)
    try:
        with h5py.File(path) as file:
            return file[f"{split}_set_x"][:], file[f"{split}_set_y"][:]
    except (OSError, KeyError) as exc:
        raise DatasetError(f"cannot read the photographs of {PACKAGE} at {path}: {exc}") from exc


def _datasets() -> Path:
    """The package's data, found without importing it: its modules want other packages."""
    module = util.find_spec(_MODULE)
    if module is None or not module.submodule_search_locations:
        raise DatasetError(f"these photographs come from the package {PACKAGE}: install it")
    return Path(next(iter(module.submodule_search_locations))) / "datasets"
