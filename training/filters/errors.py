"""What cannot be drawn, each in one clear line."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import tensorflow as tf

from contract.errors import MiwakeError


class TargetError(MiwakeError):
    """No such layer, filter or class, or pictures of a size the network cannot take."""

    code = "target_invalid"


@contextmanager
def refusing(height: int, width: int) -> Iterator[None]:
    """Say what TensorFlow means inside, where layers run on pictures of any size.

    Raises:
        TargetError: a layer cannot take what these pictures become.
    """
    try:
        yield
    except (ValueError, tf.errors.InvalidArgumentError) as exc:
        raise TargetError(
            f"this part of the network does not take pictures of {width}x{height}: "
            "choose another --size, or a layer before"
        ) from exc
