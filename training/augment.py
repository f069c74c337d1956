"""Random changes of the pixels while fitting, by Keras's layers; what is exported never holds these."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import numpy.typing as npt

from training.recipe import Augmentation


def augmented(images: Any, augmentation: Augmentation) -> Any:
    """Pixels that are changed while fitting and left alone otherwise.

    Args:
        images: Keras tensor, uint8 [N, H, W, 3].
        augmentation: its seeds are set an epoch, see `training.seeds`.

    Returns:
        Keras tensor, uint8 [N, H, W, 3].
    """
    if not augmentation.changes_pixels:
        return images
    changed = images
    if augmentation.shear:
        changed = keras.layers.RandomShear(augmentation.shear, seed=0)(changed)
    if augmentation.zoom:
        changed = keras.layers.RandomZoom(augmentation.zoom, seed=0)(changed)
    if augmentation.rotation:
        changed = keras.layers.RandomRotation(augmentation.rotation, seed=0)(changed)
    if augmentation.flip:
        changed = keras.layers.RandomFlip("horizontal", seed=0)(changed)
    return keras.ops.cast(keras.ops.round(changed), "uint8")


def mixed(
    images: npt.NDArray[Any], one_hot: npt.NDArray[np.float32], *, alpha: float, seed: int
) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.float32]]:
    """One batch mixed with itself in another order.

    Args:
        images: uint8 [n, H, W, 3].
        one_hot: labels [n, C].
        alpha: of the Beta distribution.
        seed: of this batch.
    """
    layer = keras.layers.MixUp(alpha=alpha, seed=seed)
    batch = layer({"images": images.astype(np.float32), "labels": one_hot}, training=True)
    pixels = np.asarray(batch["images"]).round().astype(np.uint8)
    return pixels, np.asarray(batch["labels"], dtype=np.float32)
