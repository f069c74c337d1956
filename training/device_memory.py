"""What a device's memory does not hold, as one clear line."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import tensorflow as tf

from training.errors import OutOfMemoryError

# Of batches whose size nobody chooses.
NOT_ENOUGH = "the device has too little for this network, or something else holds it"


@contextmanager
def within_device_memory(batch_size: int, *, advice: str) -> Iterator[None]:
    """Translate TensorFlow's own error, which is a page long.

    Raises:
        OutOfMemoryError: the block ran out of the memory of a device.
    """
    try:
        yield
    except tf.errors.ResourceExhaustedError as exc:
        raise OutOfMemoryError(f"out of memory with batches of {batch_size}: {advice}") from exc
