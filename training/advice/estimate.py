"""How long a recipe would take on this machine, from the pace of a sample.

With N photographs, of which 0.7 N are learnt from in batches of 32:

    head     = 100 epochs x ceil(0.7 N / 32) x seconds a step of the linear stage
    linear   = start + N x (decode + forward) + head
    finetune = linear + 15 epochs x (0.7 x 7 + 0.15) x N x forward

Start, decode, forward and step are seconds; the last three are measured on the sample. Training all layers
costs 7 forward passes (84 ms an image against 11, on two cores). The early recipe counts as the linear one,
though it runs only a part of the network. An estimate: early stopping decides the epochs.
"""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
import numpy.typing as npt

from training.advice.rules import EARLY_LINEAR, FINETUNE, LINEAR

_START_SECONDS = 20.0  # to import, build, export and check: measured on two cores
_HEAD_EPOCHS, _FINETUNE_EPOCHS = 100, 15
_BATCH_SIZE = 32
_LEARNT, _VALIDATED = 0.7, 0.15
_PASSES_A_STEP = 7
_TIMED_EPOCHS = 5


@dataclass(frozen=True, kw_only=True)
class Pace:
    """Seconds on this machine.

    Attributes:
        decode: an image, from bytes to pixels, if they are not kept yet.
        forward: an image, through the whole network.
        step: a batch of the linear stage.
    """

    decode: float
    forward: float
    step: float


def estimated_seconds(pace: Pace, *, images: int) -> Mapping[str, float]:
    """Seconds by recipe."""
    steps = _HEAD_EPOCHS * math.ceil(_LEARNT * images / _BATCH_SIZE)
    linear = _START_SECONDS + images * (pace.decode + pace.forward) + steps * pace.step
    passes = _FINETUNE_EPOCHS * (_LEARNT * _PASSES_A_STEP + _VALIDATED)
    return {LINEAR: linear, EARLY_LINEAR: linear, FINETUNE: linear + passes * images * pace.forward}


def seconds_a_step(features: npt.NDArray[np.float32], labels: npt.NDArray[np.int64]) -> float:
    """Of the linear stage, measured on features float32 [N, D]."""
    head = keras.Sequential([keras.Input(features.shape[1:]), keras.layers.Dense(int(labels.max()) + 1)])
    loss: Any = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    head.compile("adam", loss, jit_compile=False)
    head.fit(features, labels, batch_size=_BATCH_SIZE, verbose=0)  # traces, which is no part of a step
    start = time.perf_counter()
    head.fit(features, labels, batch_size=_BATCH_SIZE, epochs=_TIMED_EPOCHS, verbose=0)
    steps = _TIMED_EPOCHS * math.ceil(len(labels) / _BATCH_SIZE)
    return (time.perf_counter() - start) / steps
