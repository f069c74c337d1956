"""Activation maximisation: gradient ascent on the pixels, from noise.

After Simonyan et al. 2014 (arXiv:1312.6034) with the Lp and total-variation terms of Mahendran and Vedaldi
2015 (arXiv:1412.0035).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import tensorflow as tf
from tqdm import tqdm

from training.filters.errors import refusing
from training.filters.natural_steps import NaturalSteps, over_rms
from training.filters.regularisers import regulariser_gradient
from training.filters.target import Target

Pictures = npt.NDArray[np.float32]
Step = Callable[..., tuple[Any, Any, Any]]

# The pictures' size is left open, or a Keras function would insist on the network's own.
_PICTURES = tf.TensorSpec([None, None, None, 3], tf.float32)
_SIGNATURE = (_PICTURES, _PICTURES, tf.TensorSpec([None], tf.int32), tf.TensorSpec([2], tf.int32))
_BATCH_SIZE = 8
_MAPS_RANK = 4
_WHITE, _GRAY = 255.0, 128.0
_NOISE = 20.0  # grey levels from the lowest to the highest value of the start
_KEPT = 0.95  # of RMSprop's mean square, a step
_EPSILON = 1e-8
# N times the RMS of the gradient of a filter of VGG16 at 224 pixels, where N is the number of values of a
# picture. The usual weights of the regularisers were chosen beside it; other networks' activations have
# other scales, and are brought to this one.
_USUAL_GRADIENT = 150.0


@dataclass(frozen=True, kw_only=True)
class Ascent:
    """How pictures are made.

    Attributes:
        steps: of gradient ascent.
        rate: grey levels (RMS) a step.
        lp: weight of the L6 norm of the distance from gray.
        tv: weight of the total variation.
        seed: of the noise and the shifts.
    """

    steps: int = 200
    rate: float = 2.0
    lp: float = 10.0
    tv: float = 10.0
    seed: int = 0


@dataclass(frozen=True, kw_only=True)
class Drawn:
    """The picture of one unit.

    Attributes:
        title: of the unit.
        picture: float32 RGB [H, W, 3], 0 to 255; gray where every attempt diverged.
        remark: what had to be done because it diverged, or None.
    """

    title: str
    picture: Pictures
    remark: str | None


def draw(target: Target, size: tuple[int, int], ascent: Ascent, *, progress: bool = True) -> list[Drawn]:
    """One picture a unit, in the target's order.

    A unit whose picture or answer stops being finite is drawn again without the regularisers, and then with
    a tenth of the rate.

    Args:
        target: what the pictures are for.
        size: (height, width) of them.
        ascent: how.
        progress: whether to show a progress bar.

    Raises:
        TargetError: the network cannot take pictures of that size.
    """
    without = replace(ascent, lp=0.0, tv=0.0)
    attempts = (
        (None, ascent),
        ("drawn without regularisers", without),
        ("drawn without regularisers at a tenth of the rate", replace(without, rate=ascent.rate / 10)),
    )
    done: dict[int, tuple[Pictures, str | None]] = {}
    for remark, attempt in attempts:
        left = [unit for unit in target.units if unit not in done]
        for unit, picture in _climb(target, left, size, attempt, progress=progress):
            done[unit] = (picture, remark)
    blank = (np.full((*size, 3), _GRAY, np.float32), "left blank: it diverged at every attempt")
    pairs = zip(target.titles, (done.get(unit, blank) for unit in target.units), strict=True)
    return [Drawn(title=title, picture=picture, remark=remark) for title, (picture, remark) in pairs]


def _climb(
    target: Target, units: list[int], size: tuple[int, int], ascent: Ascent, *, progress: bool
) -> Iterator[tuple[int, Pictures]]:
    """The units whose pictures stayed finite, with them."""
    if not units:
        return
    step = step_function(target, size, ascent)
    batches = [units[start : start + _BATCH_SIZE] for start in range(0, len(units), _BATCH_SIZE)]
    hidden = None if progress else True
    with tqdm(total=len(batches) * ascent.steps, desc=target.name, unit="step", disable=hidden) as bar:
        for batch in batches:
            with refusing(*size):
                pictures, finite = _climb_batch(step, batch, size, ascent, cell=target.cell, bar=bar)
            yield from ((unit, p) for unit, p, good in zip(batch, pictures, finite, strict=True) if good)


def _climb_batch(  # noqa: PLR0913 - all of one batch
    step: Step, units: list[int], size: tuple[int, int], ascent: Ascent, *, cell: int, bar: Any
) -> tuple[Pictures, npt.NDArray[np.bool_]]:
    random = np.random.default_rng(ascent.seed)  # the same noise for every unit, whatever its batch
    noise = (random.random((1, *size, 3), np.float32) - 0.5) * _NOISE + _GRAY
    pictures = tf.constant(np.repeat(noise, len(units), axis=0))
    state = [pictures, tf.ones_like(pictures)]  # the gradient's mean square is 1: no first step by its sign
    chosen, finite = tf.constant(units), np.ones(len(units), np.bool_)
    for _ in range(ascent.steps):
        shift = random.integers(-cell, cell, 2, endpoint=True)
        *state, answers = step(*state, chosen, tf.constant(shift, tf.int32))
        finite &= np.isfinite(answers.numpy())
        bar.update()
    drawn = state[0].numpy()
    return drawn, finite & np.isfinite(drawn).all(axis=(1, 2, 3))


def step_function(target: Target, size: tuple[int, int], ascent: Ascent) -> Step:
    """One step: (pictures, mean squares, units, shift) to (pictures, mean squares, answers).

    Pictures and mean squares are float32 [N, H, W, 3], units int32 [N], shift int32 [2], answers float32 [N].
    """
    natural = NaturalSteps(*size)

    def step(pictures: Any, squares: Any, units: Any, shift: Any) -> tuple[Any, Any, Any]:
        with tf.GradientTape() as tape:
            tape.watch(pictures)
            answers = _answers(target, tf.roll(pictures, shift, axis=(1, 2)), units)
        gradient = over_rms(tape.gradient(answers, pictures)) * _USUAL_GRADIENT
        gradient = over_rms(gradient - regulariser_gradient(pictures, lp=ascent.lp, tv=ascent.tv))
        squares = _KEPT * squares + (1 - _KEPT) * tf.square(gradient)
        steps = natural(gradient * tf.math.rsqrt(squares + _EPSILON))
        return tf.clip_by_value(pictures + ascent.rate * steps, 0.0, _WHITE), squares, answers

    compiled: Step = tf.function(step, input_signature=_SIGNATURE)
    return compiled


def _answers(target: Target, pictures: Any, units: Any) -> Any:
    """What each picture's own unit answers, float32 [N]; of a filter its mean over the cells."""
    values = target.answer(pictures)
    if len(values.shape) == _MAPS_RANK:
        values = tf.reduce_mean(values, axis=(1, 2))
    return tf.gather(values, units, axis=1, batch_dims=1)
