"""How long a recipe would take on this machine, from the pace of a sample.

With N photographs, of which 0.7 N are learnt from, in batches of b:

    head     = epochs x ceil(0.7 N / b) x seconds a step of the first stage
    linear   = start + N x (decode + forward) + (copies - 1) x 0.7 N x forward + head
    finetune = linear's, with its own head, + copies x 0.7 N x lower + epochs x 0.7 N x upper
    lower    = 0.7 x forward, once through the layers that stay frozen (up to block10_add)
    upper    = 0.65 x forward, a step of fitting the layers after them
    small    = linear's at 64x64 without copies, + epochs x 0.7 N x whole
    whole    = 6.5 x forward at 64x64, a step of fitting all layers

Epochs, batches and copies are the recipe's: an upper limit, as early stopping may end a stage before. Start,
decode, forward and step are seconds; the last three are measured on the sample, forward at 224x224 (at 64x64
it takes as much less as there are fewer pixels). 0.7 and 0.65 were measured on two cores, as the quickest of
nine batches of 32 each, 6.5 there too, by an epoch of MNIST. The early recipe counts as the linear one,
though it runs only a part of the network. Large data may leave no room on the disk for what the lower layers
give of the copies (88 KB each as float32): the recipe then draws fresh changes and runs those layers every
epoch, which takes epochs instead of copies times lower.
"""

from __future__ import annotations

import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
import numpy.typing as npt

from contract.image import decode
from contract.image_spec import ImageSpec
from training.advice.rules import EARLY_LINEAR, FINETUNE, LINEAR, SMALL_PICTURES, is_small
from training.photographs import Photograph
from training.reading import in_parallel, read_again
from training.recipe import Recipe, Stage
from training.recipe_files import load_recipe

_START_SECONDS = 20.0  # to import, build, export and check: measured on two cores
_LEARNT = 0.7
_LOWER, _UPPER, _WHOLE = 0.7, 0.65, 6.5
_PIXELS_OF_PACE = 224 * 224
_TIMED_IMAGES = 64  # a few for each thread that decodes
_BATCH_SIZE, _TIMED_EPOCHS = 32, 5


@dataclass(frozen=True, kw_only=True)
class Pace:
    """Seconds on this machine.

    Attributes:
        decode: an image, from its file to pixels that are not kept yet.
        forward: an image, through the whole network.
        step: a batch of the linear stage.
    """

    decode: float
    forward: float
    step: float


def estimated_seconds(pace: Pace, *, images: int, largest_side: int) -> Mapping[str, float]:
    """Seconds by recipe; the one for small pictures only where they are small.

    Raises:
        RecipeError: one of the recipes is not there.
    """
    names = (LINEAR, EARLY_LINEAR, FINETUNE, *((SMALL_PICTURES,) if is_small(largest_side) else ()))
    return {name: _seconds(load_recipe(name), pace, images) for name in names}


def _seconds(recipe: Recipe, pace: Pace, images: int) -> float:
    head, *later = recipe.stages
    learnt, copies = _LEARNT * images, recipe.augmentation.copies
    forward = pace.forward * recipe.image.height * recipe.image.width / _PIXELS_OF_PACE
    steps = head.epochs * math.ceil(learnt / head.batch_size)
    once = _START_SECONDS + images * (pace.decode + forward) + steps * pace.step
    if head.augmented:
        once += max(0, copies - 1) * learnt * forward
    return once + learnt * forward * sum(_forwards(stage, copies) for stage in later)


def _forwards(stage: Stage, copies: int) -> float:
    """What an image takes of a stage after the head's, in passes through the whole network."""
    return stage.epochs * _WHOLE if stage.frozen == "none" else copies * _LOWER + stage.epochs * _UPPER


def seconds_to_decode(photographs: Sequence[Photograph], spec: ImageSpec) -> float:
    """Of one photograph, measured on a few files themselves: their pixels may be kept since an earlier call.

    Raises:
        DatasetError: one of the files changed since it was decoded.
    """
    chosen = photographs[:_TIMED_IMAGES]
    start = time.perf_counter()
    in_parallel(lambda p: decode(read_again(p), spec), chosen, description="decoding", progress=False)
    return (time.perf_counter() - start) / len(chosen)


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
