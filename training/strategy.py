"""Where a fit runs: one device, or all of a machine's."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Any, Literal

import tensorflow as tf

from training.errors import StrategyError

Strategy = Literal["single", "mirrored", "multi-worker"]
Scope = Callable[[], AbstractContextManager[Any]]


def strategy_scope(strategy: Strategy) -> Scope:
    """Enters the scope networks must be built and compiled in; TensorFlow's can be entered but once.

    `mirrored` keeps one copy of the weights on each GPU (on each logical CPU where there is no GPU) and
    shares every batch out among them.

    Raises:
        StrategyError: several hosts, which Keras 3 cannot fit on (keras-team/keras#20585).
    """
    if strategy == "single":
        return nullcontext
    if strategy == "multi-worker":
        raise StrategyError(
            "several hosts are not supported, as Keras 3 does not fit under MultiWorkerMirroredStrategy "
            "(keras-team/keras#20585): choose --strategy mirrored on one host with several GPUs"
        )
    devices = tf.config.list_logical_devices("GPU") or tf.config.list_logical_devices("CPU")
    scope: Scope = tf.distribute.MirroredStrategy([d.name for d in devices]).scope
    return scope
