"""Steps with the colours and the coarseness of photographs.

Plain gradient steps make fine rainbow-coloured ripples, as each pixel and channel moves by itself.
Neighbouring pixels of a photograph are alike, with a spectrum that falls as 1/frequency, and so are its
channels. Olah, Mordvintsev and Schubert ('Feature Visualization', Distill 2017, 'Preconditioning') ascend in
a space where both are undone; here the same two linear maps are applied to the step. The objective is the
same, only the way up is another.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import tensorflow as tf

# Square root of the covariance of RGB in ImageNet's photographs, its largest direction at length one: the
# figures of github.com/tensorflow/lucid, optvis/param/color.py.
_COLOUR_DIRECTIONS = np.array([[0.26, 0.09, 0.02], [0.27, 0.00, -0.05], [0.27, -0.09, 0.03]], np.float32)
# Waves a picture below which the spectrum is flat: else one tint over all of it would grow fastest.
_FEWEST_WAVES = 3


class NaturalSteps:
    """The two maps, for pictures of one size.

    Args:
        height: rows.
        width: columns.
    """

    def __init__(self, height: int, width: int) -> None:
        rows, columns = np.fft.fftfreq(height)[:, None], np.fft.rfftfreq(width)[None]
        lowest = _FEWEST_WAVES / max(height, width)  # cycles a pixel
        falloff = lowest / np.maximum(np.hypot(rows, columns), lowest)
        self._size = (height, width)
        self._spectrum = tf.constant(falloff, tf.complex64)
        self._colours = tf.constant(_colours())

    def __call__(self, steps: Any) -> Any:
        """Colour and smooth float32 [N, height, width, 3]; each picture's step has RMS 1 after it."""
        planes = tf.transpose(steps @ self._colours, [0, 3, 1, 2])
        planes = tf.signal.irfft2d(tf.signal.rfft2d(planes) * self._spectrum, self._size)
        return over_rms(tf.transpose(planes, [0, 2, 3, 1]))


def over_rms(pictures: Any) -> Any:
    """Divide each of float32 [N, H, W, 3] by its root mean square; zeros stay zeros."""
    square = tf.reduce_mean(tf.square(pictures), axis=(1, 2, 3), keepdims=True)
    return tf.math.divide_no_nan(pictures, tf.sqrt(square))


def _colours() -> Any:
    """The symmetric square root, [3, 3]."""
    left, sizes, _ = np.linalg.svd(_COLOUR_DIRECTIONS)
    return (left * (sizes / sizes.max())) @ left.T
