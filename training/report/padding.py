"""Finds padding in pixels: the plain bars that `fit = "pad"`, or whoever made the file, put round it."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import takewhile

import numpy as np
import numpy.typing as npt

_TOLERANCE = 16  # levels of 255: a bar in a JPEG is not quite plain


@dataclass(frozen=True, kw_only=True)
class PaddingHeat:
    """Means over the images that have padding and heat.

    Attributes:
        images: how many.
        area: mean share of their area that is padding.
        heat: mean share of their heat that falls on it; equal to `area` if the network did not care.
    """

    images: int
    area: float
    heat: float


def padding(pixels: npt.NDArray[np.uint8]) -> npt.NDArray[np.bool_]:
    """Where rows or columns from an edge on have one colour, that of the corner they begin at.

    Looking at the pixels finds bars of this run's own and bars that were in the file. It cannot tell them
    from a sky or a backdrop without any structure that fills whole rows, which is as empty.

    Args:
        pixels: uint8 [H, W, 3].

    Returns:
        bool [H, W].
    """
    height, width, _ = pixels.shape
    columns = pixels.swapaxes(0, 1)
    mask = np.ones((height, width), dtype=np.bool_)
    top, left = _plain_rows(pixels), _plain_rows(columns)
    bottom, right = _plain_rows(pixels[::-1, ::-1]), _plain_rows(columns[::-1, ::-1])
    mask[top : height - bottom, left : width - right] = False
    return mask


def _plain_rows(pixels: npt.NDArray[np.uint8]) -> int:
    """How many rows from the first on have the colour of the first corner."""
    plain = np.abs(pixels.astype(np.int16) - pixels[0, 0]).max(axis=(1, 2)) <= _TOLERANCE
    return sum(1 for _ in takewhile(bool, plain))
