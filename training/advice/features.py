"""Early and late features of EfficientNet-Lite0 with its ImageNet weights."""

from __future__ import annotations

from typing import Any

import keras

from contract.image_spec import ImageSpec
from training.efficientnet_lite0 import efficientnet_lite0, imagenet_checkpoint, load_checkpoint
from training.scaling import scaled

# Of blocks 4, 7, 10 and 14 the best where early features are wanted at all. A linear classifier's mean
# accuracy over blur, noise, JPEG quality and turns of photographs, textures and 8x8 digits is 0.84, 0.88,
# 0.86, 0.77; on the last features 0.67.
EARLY_LAYER = "block7_add"


def early_and_late(spec: ImageSpec) -> tuple[Any, int]:
    """A model from uint8 [N, H, W, 3] to both features, float32 [N, E + 1280], and E.

    Raises:
        WeightsError: the package of the weights is missing or damaged.
    """
    checkpoint = imagenet_checkpoint()
    images = keras.Input(spec.shape, dtype="uint8")
    whole = keras.Model(images, efficientnet_lite0(scaled(images, "lite")))
    load_checkpoint(whole, checkpoint)
    maps = (whole.get_layer(EARLY_LAYER).output, whole.outputs[0])
    early, late = (keras.layers.GlobalAveragePooling2D()(each) for each in maps)
    return keras.Model(images, keras.layers.Concatenate()([early, late])), early.shape[-1]
