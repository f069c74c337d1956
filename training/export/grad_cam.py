"""Grad-CAM (Selvaraju et al. 2017, arXiv:1610.02391): where a network looked.

Each channel of a late activation is weighted by the mean gradient of the class's logit; the positive part
of their sum is the heat map.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import keras
import tensorflow as tf

from training.errors import RecipeError

_FEWEST_CELLS = 7  # a side; fewer would show nothing but a blur
_MAPS_RANK = 4


@dataclass(frozen=True, kw_only=True)
class SplitModel:
    """A network cut at the activation Grad-CAM reads.

    Attributes:
        layer: the name of the layer that gives it.
        lower: uint8 [N, H, W, 3] to the activation float32 [N, h, w, K].
        upper: that to the logits float32 [N, C].
    """

    layer: str
    lower: Any
    upper: Any


def split_for_grad_cam(model: Any) -> SplitModel:
    """Cut at the last activation of at least 7 by 7 that all later layers depend on alone.

    Raises:
        RecipeError: there is none, as the images are too small.
    """
    for layer in reversed(model.layers):
        if isinstance(layer, keras.layers.InputLayer) or not _is_map(layer.output):
            continue
        try:
            upper = keras.Model(layer.output, model.outputs[0])
        except ValueError:  # another path leads around this layer
            continue
        return SplitModel(layer=layer.name, lower=keras.Model(model.inputs[0], layer.output), upper=upper)
    raise RecipeError("no activation of at least 7x7: Grad-CAM needs a larger image size")


def heatmaps_and_logits(split: SplitModel, images: Any, class_index: Any) -> tuple[Any, Any]:
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
