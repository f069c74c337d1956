"""Feeds Keras from a memory map, so that a data set may be larger than the memory."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from training.augment import mixed
from training.samples import Samples
from training.seeds import EpochSeed

_SHARE_OF_MEMORY = 4  # a block shuffled as one takes a quarter of it at most
_PREFETCHED = 2

Batch = tuple[npt.NDArray[Any], ...]


@dataclass(frozen=True, kw_only=True)
class Batches:
    """What Keras is given of some samples.

    Attributes:
        samples: pixels or features.
        size: of a batch; the last one may be smaller.
        classes: where labels must be one-hot [n, C], else None for int64 [n].
        weights: float32 [C], how much a sample of each class counts, or None for all the same.
        mixup: alpha, or 0.
        devices: that share each batch; one they cannot share out evenly has its first samples twice.
    """

    samples: Samples
    size: int
    classes: int | None = None
    weights: npt.NDArray[np.float32] | None = None
    mixup: float = 0.0
    devices: int = field(default_factory=lambda: int(tf.distribute.get_strategy().num_replicas_in_sync))

    def in_order(self) -> Any:
        """A `tf.data.Dataset` of one pass, for measuring."""
        return self._dataset(None)

    def shuffled(self, epoch_seed: EpochSeed) -> Any:
        """A `tf.data.Dataset` of one epoch's pass."""
        return self._dataset(epoch_seed)

    def _dataset(self, epoch_seed: EpochSeed | None) -> Any:
        generated = tf.data.Dataset.from_generator(
            lambda: self._batches(epoch_seed), output_signature=self._signature()
        )
        count = math.ceil(len(self.samples) / self.size)
        whole = generated.apply(tf.data.experimental.assert_cardinality(count)).prefetch(_PREFETCHED)
        return whole.with_options(_untuned())

    def _signature(self) -> tuple[Any, ...]:
        values, labels = self.samples.values, (None,) if self.classes is None else (None, self.classes)
        signature = (
            tf.TensorSpec((None, *values.shape[1:]), values.dtype),
            tf.TensorSpec(labels, tf.int64 if self.classes is None else tf.float32),
        )
        return signature if self.weights is None else (*signature, tf.TensorSpec((None,), tf.float32))

    def _batches(self, epoch_seed: EpochSeed | None) -> Iterator[Batch]:
        order, rows = np.arange(len(self.samples)), self.samples.rows
        if epoch_seed is not None:
            block = _physical_memory() // _SHARE_OF_MEMORY // self.samples.bytes_each
            order = shuffled_in_blocks(
                len(self.samples), epoch_seed.rng("order"), block=max(block, self.size)
            )
            copies = epoch_seed.rng("copies").integers(self.samples.copies, size=len(rows))
            rows = rows + copies * self.samples.stride
        for number, start in enumerate(range(0, len(order), self.size)):
            chosen = order[start : start + self.size]
            chosen = np.resize(chosen, math.ceil(len(chosen) / self.devices) * self.devices)
            yield self._batch(
                self.samples.values[rows[chosen]], self.samples.labels[chosen], epoch_seed, number
            )

    def _batch(
        self, values: npt.NDArray[Any], labels: npt.NDArray[Any], epoch_seed: EpochSeed | None, number: int
    ) -> Batch:
        if self.classes is None:
            return (values, labels) if self.weights is None else (values, labels, self.weights[labels])
        one_hot = np.eye(self.classes, dtype=np.float32)[labels]
        if epoch_seed is not None and self.mixup:
            seed = epoch_seed.integer(f"mixup {number}")
            values, one_hot = mixed(values, one_hot, alpha=self.mixup, seed=seed)
        return (values, one_hot) if self.weights is None else (values, one_hot, one_hot @ self.weights)


def _untuned() -> Any:
    """Options without autotuning, which has nothing to tune here.

    The thread that does it (TensorFlow 2.21) sleeps twice as long each time, from 10 ms on, and the end of a
    pass waits until it wakes: an epoch of 10.3 s took 20.5 s.
    """
    options = tf.data.Options()
    options.autotune.enabled = False
    return options


def shuffled_in_blocks(count: int, rng: np.random.Generator, *, block: int) -> npt.NDArray[np.int64]:
    """A random order that reads one stretch of `block` rows after another.

    Rows further apart than fits into memory would be read from the disk one by one. The stretches begin
    elsewhere every time, so that other rows are neighbours.

    Returns:
        int64 [count]; a plain permutation where one block holds all.
    """
    if block >= count:
        return rng.permutation(count)
    starts = np.arange(rng.integers(block), count, block)
    stretches = np.split(np.arange(count), starts[starts > 0])
    return np.concatenate([rng.permutation(stretches[n]) for n in rng.permutation(len(stretches))])


def _physical_memory() -> int:
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
