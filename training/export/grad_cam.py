"""Grad-CAM (Selvaraju et al. 2017, arXiv:1610.02391): where a network looked.

Each channel of a late activation is weighted by the mean gradient of the class's logit; the positive part
of their sum is the heat map.
"""

from __future__ import annotations

from typing import Any

import tensorflow as tf

from training.cut import CutModel, cut_after, separators
from training.errors import RecipeError

_FEWEST_CELLS = 7  # a side; fewer would show nothing but a blur
_MAPS_RANK = 4


def split_for_grad_cam(model: Any) -> CutModel:
    """Cut at the last activation of at least 7 by 7 that all later layers depend on alone.

    Raises:
        RecipeError: there is none, as the images are too small.
    """
    deepest = next((layer for layer in reversed(list(separators(model))) if _is_map(layer.output)), None)
    if deepest is None:
        raise RecipeError("no activation of at least 7x7: Grad-CAM needs a larger image size")
    return cut_after(model, deepest)


def heatmaps_and_logits(split: CutModel, images: Any, class_index: Any) -> tuple[Any, Any]:
    """Heat maps of one class an image, and all logits.

    Args:
        split: the network.
        images: uint8 [N, H, W, 3].
        class_index: int32 [N]; out of range gives a map of zeros.

    Returns:
        float32 [N, H, W], each divided by its own maximum, all zeros where nothing speaks for the class;
        float32 [N, C] logits, before the temperature.
    """
    activation = split.lower(images, training=False)
    with tf.GradientTape() as tape:
        tape.watch(activation)
        logits = split.upper(activation, training=False)
        # One image's logit depends on that image alone, so the gradient of the sum is that of each.
        target = tf.reduce_sum(logits * tf.one_hot(class_index, logits.shape[-1]))
    weights = tf.reduce_mean(tape.gradient(target, activation), axis=(1, 2), keepdims=True)
    small = tf.nn.relu(tf.reduce_sum(weights * activation, axis=-1, keepdims=True))
    large = tf.image.resize(small, split.lower.inputs[0].shape[1:3], method="bilinear")[..., 0]
    return tf.math.divide_no_nan(large, tf.reduce_max(large, axis=(1, 2), keepdims=True)), logits


def _is_map(tensor: Any) -> bool:
    shape = getattr(tensor, "shape", ())
    return len(shape) == _MAPS_RANK and min(shape[1:3]) >= _FEWEST_CELLS
