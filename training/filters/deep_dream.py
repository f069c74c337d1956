"""Deep Dream: the ascent from a photograph, at growing sizes.

After Mordvintsev, Olah and Tyka 2015 (github.com/google/deepdream): what was dreamt at a smaller size (an
octave) is enlarged and laid over the photograph at the next, so that no detail of the photograph is lost.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import tensorflow as tf
from tqdm import tqdm

from contract.image import Pixels
from training.filters.errors import TargetError, refusing
from training.filters.natural_steps import over_rms
from training.filters.target import Target

_PIXELS = tf.TensorSpec([1, None, None, 3], tf.float32)
_WHITE = 255.0
_LARGEST_TILE = 512  # pixels a side: what a gradient needs of memory does not grow with the photograph
_SMALLEST_SIDE = 32  # pixels: smaller octaves are left out


@dataclass(frozen=True, kw_only=True)
class Dream:
    """How a photograph is dreamt over.

    Attributes:
        octaves: sizes, the last of which is the photograph's own.
        scale: of one octave to the one before.
        steps: of gradient ascent in each.
        rate: grey levels (RMS) a step.
        jitter: the picture is shifted by at most so many pixels before each step.
        seed: of the shifts.
    """

    octaves: int = 4
    scale: float = 1.4
    steps: int = 15
    rate: float = 2.0
    jitter: int = 32
    seed: int = 0


def deep_dream(photograph: Pixels, target: Target, dream: Dream, *, progress: bool = True) -> Pixels:
    """Raise what the target answers to a photograph: of filters the mean square, of classes the mean.

    Args:
        photograph: uint8 RGB [H, W, 3].
        target: what to see in it.
        dream: how.
        progress: whether to show a progress bar.

    Returns:
        uint8 RGB [H, W, 3].

    Raises:
        TargetError: the gradient stopped being finite, or the network does not take such a size.
    """
    random = np.random.default_rng(dream.seed)
    original = tf.constant(photograph[None], tf.float32)
    gradient = _gradient_function(target)
    sizes = _octaves((photograph.shape[0], photograph.shape[1]), dream)
    dreamt = tf.zeros([1, *sizes[0], 3])
    with tqdm(
        total=len(sizes) * dream.steps, desc="dreaming", unit="step", disable=None if progress else True
    ) as bar:
        for size in sizes:
            base = tf.image.resize(original, size, "area")
            picture = base + tf.image.resize(dreamt, size, "bicubic")
            for _ in range(dream.steps):
                shift = random.integers(-dream.jitter, dream.jitter, 2, endpoint=True)
                with refusing(*size):
                    picture = _step(picture, gradient, shift, dream.rate)
                bar.update()
            dreamt = picture - base
    pixels: Pixels = np.rint(picture[0].numpy()).astype(np.uint8)
    return pixels


def _octaves(size: tuple[int, int], dream: Dream) -> list[tuple[int, int]]:
    """(height, width) of each, growing."""
    height, width = size
    factors = [dream.scale**-octave for octave in reversed(range(dream.octaves))]
    sizes = [(round(height * factor), round(width * factor)) for factor in factors]
    return [size for size in sizes[:-1] if min(size) >= _SMALLEST_SIDE] + sizes[-1:]


def _step(picture: Any, gradient: Callable[[Any], Any], shift: npt.NDArray[Any], rate: float) -> Any:
    rolled = tf.roll(picture, shift, axis=(1, 2))
    step = over_rms(_by_tiles(rolled, gradient))
    if not np.isfinite(step.numpy()).all():
        raise TargetError("the dream diverged: choose another layer")
    return tf.clip_by_value(picture + rate * tf.roll(step, -shift, axis=(1, 2)), 0.0, _WHITE)


def _by_tiles(picture: Any, gradient: Callable[[Any], Any]) -> Any:
    """The gradient of tiles of about equal size, put together; the shifts move their seams about."""
    rows, columns = (
        [len(part) for part in np.array_split(np.arange(side), -(-side // _LARGEST_TILE))]
        for side in picture.shape[1:3]
    )
    bands = (tf.split(band, columns, axis=2) for band in tf.split(picture, rows, axis=1))
    return tf.concat([tf.concat([gradient(tile) for tile in band], axis=2) for band in bands], axis=1)


def _gradient_function(target: Target) -> Callable[[Any], Any]:
    units = tf.constant(target.units)

    def gradient(picture: Any) -> Any:
        with tf.GradientTape() as tape:
            tape.watch(picture)
            answers = tf.gather(target.answer(picture), units, axis=-1)
            is_map = len(answers.shape) > 2  # noqa: PLR2004 - [N, K] are logits
            objective = tf.reduce_mean(tf.square(tf.nn.relu(answers)) if is_map else answers)
        return tape.gradient(objective, picture)

    compiled: Callable[[Any], Any] = tf.function(gradient, input_signature=[_PIXELS])
    return compiled
