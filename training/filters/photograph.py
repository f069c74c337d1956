"""A photograph at its own shape: the contract's decoder, without a frame."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from contract.image import Pixels, decode
from contract.image_spec import ImageSpec

_BLACK, _WHITE = (0, 0, 0), (255, 255, 255)


def read_photograph(path: Path, *, longest_side: int) -> Pixels:
    """Decode to uint8 RGB [H, W, 3] whose longer side has so many pixels.

    Raises:
        ImageError: as `contract.image.decode`.
        OSError: the file cannot be read.
    """
    data = path.read_bytes()
    on_black, on_white = (
        decode(
            data, ImageSpec(height=longest_side, width=longest_side, fit="pad", fill=fill, filter="bicubic")
        )
        for fill in (_BLACK, _WHITE)
    )
    # The frame is where the fill shows. That leaves size and orientation to the one decoder.
    same = (on_black == on_white).all(axis=2)
    rows, columns = np.flatnonzero(same.any(axis=1)), np.flatnonzero(same.any(axis=0))
    return on_black[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
