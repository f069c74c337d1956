"""Finds idx files named as MNIST's are: `train-images-idx3-ubyte.gz`, `t10k-labels.idx1-ubyte` and so on."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt

from training.errors import DatasetError
from training.idx import read_idx

_Split = Literal["train", "test"]
_Role = tuple[_Split, str]
_SPLITS: Mapping[str, _Split] = {"train": "train", "t10k": "test", "test": "test"}
_NAME = re.compile(r"(train|t10k|test)-(images|labels)[.-]idx\d-ubyte(\.gz)?")
_GRAY, _RGB = 3, 4  # dimensions
_CHANNELS = 3


@dataclass(frozen=True, kw_only=True)
class IdxPair:
    """The file of a split's images and that of their labels."""

    split: _Split
    images: Path
    labels: Path


def idx_pairs(folder: Path) -> tuple[IdxPair, ...]:
    """What the folder holds; nothing where it holds photographs.

    Of a file that lies there both packed and unpacked, the unpacked one.

    Raises:
        DatasetError: two files for the same thing, or images without labels, or labels without images.
    """
    named = [path for path in sorted(folder.iterdir()) if _NAME.fullmatch(path.name) and path.is_file()]
    of_role: dict[_Role, Path] = {}
    for path in named:
        if path.suffix == ".gz" and path.with_suffix("") in named:
            continue
        split, kind = _role(path)
        other = of_role.setdefault((split, kind), path)
        if other != path:
            raise DatasetError(f"{other} and {path.name} both hold the {split} {kind}")
    splits = sorted({split for split, _ in of_role}, reverse=True)
    return tuple(_pair(split, of_role) for split in splits)


def read_pair(pair: IdxPair) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.uint8]]:
    """The images, uint8 [N, H, W] or [N, H, W, 3], and the labels, uint8 [N].

    Raises:
        DatasetError: a damaged file, or one that holds something else.
    """
    images, labels = read_idx(pair.images), read_idx(pair.labels)
    if images.ndim != _GRAY and (images.ndim != _RGB or images.shape[-1] != _CHANNELS):
        raise DatasetError(
            f"{pair.images} holds {list(images.shape)} values; images are [N, H, W] or [N, H, W, 3]"
        )
    if labels.ndim != 1:
        raise DatasetError(f"{pair.labels} holds {list(labels.shape)} values; labels are [N]")
    if len(labels) != len(images):
        raise DatasetError(f"{pair.labels} has {len(labels)} labels for {len(images)} images")
    return images, labels


def class_names(labels: Sequence[npt.NDArray[np.uint8]]) -> tuple[str, ...]:
    """The name of each value: its number, with zeros before it where names would sort otherwise."""
    highest = max((int(values.max()) for values in labels), default=-1)
    return tuple(f"{number:0{len(str(highest))}}" for number in range(highest + 1))


def _role(path: Path) -> _Role:
    split, _, rest = path.name.partition("-")
    return _SPLITS[split], rest[: len("images")]


def _pair(split: _Split, of_role: Mapping[_Role, Path]) -> IdxPair:
    images, labels = of_role.get((split, "images")), of_role.get((split, "labels"))
    if images is None or labels is None:
        raise DatasetError(f"no file of {'labels' if images else 'images'} beside {images or labels}")
    return IdxPair(split=split, images=images, labels=labels)
