"""From uint8 pixels to what a network expects, as layers that travel in the graph.

The modes are those of `keras.applications.imagenet_utils.preprocess_input`, plus three.
"""

from __future__ import annotations

from typing import Any

import keras

from training.backbones import Scaling

_IMAGENET_MEAN_BGR = (103.939, 116.779, 123.68)
_IMAGENET_MEAN = (0.485, 0.456, 0.406)
_IMAGENET_DEVIATION = (0.229, 0.224, 0.225)


def scaled(images: Any, scaling: Scaling) -> Any:
    """Scale RGB pixels.

    Args:
        images: Keras tensor, uint8 [N, H, W, 3], RGB.
        scaling: `1/255` to [0, 1]; `tf` to [-1, 1]; `lite` (x - 127) / 128; `torch` by ImageNet's mean
            and deviation; `caffe` BGR less ImageNet's mean; `none` leaves 0 to 255.

    Returns:
        Keras tensor, float [N, H, W, 3].
    """
    if scaling == "caffe":
        images = keras.ops.flip(images, axis=-1)
    factor, offset = _factor_and_offset(scaling)
    return keras.layers.Rescaling(factor, offset, name="scaling")(images)


def _factor_and_offset(scaling: Scaling) -> tuple[float | list[float], float | list[float]]:
    if scaling == "none":
        return 1.0, 0.0
    if scaling == "1/255":
        return 1 / 255, 0.0
    if scaling == "tf":
        return 1 / 127.5, -1.0
    if scaling == "lite":
        return 1 / 128, -127 / 128
    if scaling == "caffe":
        return 1.0, [-mean for mean in _IMAGENET_MEAN_BGR]
    pairs = list(zip(_IMAGENET_MEAN, _IMAGENET_DEVIATION, strict=True))
    return [1 / (255 * deviation) for _, deviation in pairs], [-mean / dev for mean, dev in pairs]
