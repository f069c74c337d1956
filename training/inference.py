"""Runs a Keras model over many images, a batch at a time."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import tensorflow as tf
from tqdm import tqdm

from training.device_memory import NOT_ENOUGH, within_device_memory
from training.samples import Samples

_BATCH_SIZE = 32


def infer(model: Any, samples: Samples, *, description: str, progress: bool) -> npt.NDArray[np.float32]:
    """What the model answers in inference mode.

    Args:
        model: uint8 [N, H, W, 3] to float32 [N, D].
        samples: at least one.
        description: stands before the progress bar.
        progress: whether to show one.

    Returns:
        float32 [N, D], in the samples' order.

    Raises:
        OutOfMemoryError: a batch of them is too much for the device.
    """
    signature = [tf.TensorSpec([None, *model.inputs[0].shape[1:]], tf.uint8)]
    forward = tf.function(lambda images: model(images, training=False), input_signature=signature)
    bar = tqdm(total=len(samples), desc=description, disable=None if progress else True)
    with bar, within_device_memory(_BATCH_SIZE, advice=NOT_ENOUGH):
        answers = []
        for images in samples.batches(_BATCH_SIZE):
            answers.append(forward(images).numpy())
            bar.update(len(images))
    return np.concatenate(answers)
