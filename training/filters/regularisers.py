"""The two terms that keep an ascent from noise, as gradients.

The terms are those of Mahendran and Vedaldi 2015 (arXiv:1412.0035), each divided by the number N of values
of a picture, with the distance from gray (128) in grey levels for x:

- Lp with p = 6: (sum |x|^6)^(1/6) / N, against values far out;
- total variation with beta = 2: the sum of squared differences of neighbours, / N, against ripples.
"""

from __future__ import annotations

from typing import Any

import tensorflow as tf

_GRAY = 128.0
_P = 6


def regulariser_gradient(pictures: Any, *, lp: float, tv: float) -> Any:
    """The gradient of N * (lp * Lp + tv * TV), float32 as the pictures [N, H, W, 3]."""
    with tf.GradientTape() as tape:
        tape.watch(pictures)
        loss = lp * _lp_norm(pictures) + tv * _total_variation(pictures)
    return tape.gradient(loss, pictures)


def _lp_norm(pictures: Any) -> Any:
    far = tf.abs(pictures / _GRAY - 1)  # at most 1, so that no power overflows
    return _GRAY * tf.reduce_sum(far**_P, axis=(1, 2, 3)) ** (1 / _P)


def _total_variation(pictures: Any) -> Any:
    down = pictures[:, 1:] - pictures[:, :-1]
    across = pictures[:, :, 1:] - pictures[:, :, :-1]
    return tf.reduce_sum(tf.square(down), axis=(1, 2, 3)) + tf.reduce_sum(tf.square(across), axis=(1, 2, 3))
