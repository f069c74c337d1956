"""The photographs of one split, as rows of a memory map: their pixels, or what frozen layers made of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from training.photographs import Photograph, Split
from training.pixels import DecodedPhotographs


@dataclass(frozen=True, kw_only=True)
class Samples:
    """Inputs of a network and their labels, side by side.

    Attributes:
        values: [M, ...]; of pixels uint8 [files, H, W, 3], all splits.
        rows: int64 [N], where each sample lies in `values`.
        labels: int64 [N], class indexes.
        copies: how many changed copies of each sample `values` holds.
        stride: rows between a sample's copies.
    """

    values: npt.NDArray[Any]
    rows: npt.NDArray[np.int64]
    labels: npt.NDArray[np.int64]
    copies: int = 1
    stride: int = 0

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def bytes_each(self) -> int:
        """Size of one row."""
        return int(np.prod(self.values.shape[1:], dtype=np.int64)) * self.values.itemsize

    def batches(self, size: int) -> Iterator[npt.NDArray[Any]]:
        """The values in order, the first copy of each, at most `size` at a time: [n, ...]."""
        for start in range(0, len(self), size):
            yield self.values[self.rows[start : start + size]]


def samples_of(
    decoded: DecodedPhotographs, photographs: Sequence[Photograph], *, labels: Sequence[str]
) -> Samples:
    """The samples of these photographs, in their order."""
    indexes = {label: index for index, label in enumerate(labels)}
    return Samples(
        values=decoded.pixels,
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


def class_weights(labels: npt.NDArray[np.int64], classes: int) -> npt.NDArray[np.float32]:
    """Weights that let every class count the same: N / (C n_c), float32 [C]; 0 for one without samples."""
    counts = np.bincount(labels, minlength=classes)
    return np.divide(len(labels), classes * counts, where=counts > 0, out=np.zeros(classes)).astype(
        np.float32
    )


def sizes(samples: Mapping[Split, Samples]) -> dict[str, int]:
    """How many of each split."""
    return {split: len(chosen) for split, chosen in samples.items()}
