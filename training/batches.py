"""Feeds Keras from the memory map, so that a data set may be larger than the memory."""

from __future__ import annotations

import math

import keras
import numpy as np
import numpy.typing as npt

from training.samples import Samples


class Batches(keras.utils.PyDataset):  # type: ignore[misc] # Keras has no types
    """Batches read when they are needed: uint8 [n, H, W, 3] and labels int64 [n].

    With a seed they are shuffled, anew every epoch.
    """

    def __init__(self, samples: Samples, *, batch_size: int, shuffle_seed: int | None = None) -> None:
        super().__init__()
        self._samples = samples
        self._batch_size = batch_size
        self._rng = None if shuffle_seed is None else np.random.default_rng(shuffle_seed)
        self._order = np.arange(len(samples))
        self.on_epoch_end()

    def __len__(self) -> int:
        return math.ceil(len(self._samples) / self._batch_size)

    def __getitem__(self, index: int) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.int64]]:
        chosen = self._order[index * self._batch_size : (index + 1) * self._batch_size]
        return self._samples.pixels[self._samples.rows[chosen]], self._samples.labels[chosen]

    def on_epoch_end(self) -> None:
        """Draw another order; Keras calls this after every epoch."""
        if self._rng is not None:
            self._order = self._rng.permutation(len(self._samples))
