"""The batch sizes a model is warmed up for and called with: powers of two."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from contract.image import Pixels


def is_power_of_two(value: int) -> bool:
    """Whether a batch of this size may be sent."""
    return value > 0 and value & (value - 1) == 0


def batch_sizes(max_batch_size: int) -> tuple[int, ...]:
    """1, 2, 4 … up to and including `max_batch_size`, itself a power of two."""
    return tuple(1 << exponent for exponent in range(max_batch_size.bit_length()))


def padded_size(count: int) -> int:
    """The smallest power of two that holds `count` images (at least 1)."""
    return 1 << (count - 1).bit_length()


def stack_padded(images: Sequence[Pixels] | Pixels) -> Pixels:
    """One batch of N images, padded with black ones.

    Args:
        images: N >= 1 arrays uint8 [H, W, 3], or one of [N, H, W, 3].

    Returns:
        uint8 [padded_size(N), H, W, 3].
    """
    batch = np.zeros((padded_size(len(images)), *images[0].shape), dtype=np.uint8)
    np.stack(list(images), out=batch[: len(images)])
    return batch
