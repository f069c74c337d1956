"""The photographs of one split, as rows of the memory map."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from training.photographs import Photograph, Split
from training.pixels import DecodedPhotographs


@dataclass(frozen=True, kw_only=True)
class Samples:
    """Pixels and labels, side by side.

    Attributes:
        pixels: uint8 [files, H, W, 3], all splits.
        rows: int64 [N], those of this split.
        labels: int64 [N], class indexes.
    """

    pixels: npt.NDArray[np.uint8]
    rows: npt.NDArray[np.int64]
    labels: npt.NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.rows)

    def batches(self, size: int) -> Iterator[npt.NDArray[np.uint8]]:
        """The pixels in order, at most `size` images at a time: uint8 [n, H, W, 3]."""
        for start in range(0, len(self), size):
            yield self.pixels[self.rows[start : start + size]]


def samples_of(
    decoded: DecodedPhotographs, photographs: Sequence[Photograph], *, labels: Sequence[str]
) -> Samples:
    """The samples of these photographs, in their order."""
    indexes = {label: index for index, label in enumerate(labels)}
    return Samples(
        pixels=decoded.pixels,
        rows=np.array([decoded.rows[p.relative] for p in photographs], dtype=np.int64),
        labels=np.array([indexes[p.label] for p in photographs], dtype=np.int64),
    )


def samples_by_split(
    decoded: DecodedPhotographs, photographs: Sequence[Photograph], *, labels: Sequence[str]
) -> dict[Split, Samples]:
    """The samples of each split that photographs were assigned to."""
    return {
        split: samples_of(decoded, [p for p in photographs if p.split == split], labels=labels)
        for split in sorted({p.split for p in photographs if p.split is not None})
    }
