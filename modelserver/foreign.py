"""A model made elsewhere, spoken to as its sidecar says: float32 pixels there, probabilities back."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from contract.image import Pixels
from contract.sidecar import Scaling, Sidecar
from modelserver.protocol import Tensors

# As in keras.applications.imagenet_utils.preprocess_input.
_IMAGENET_MEAN_BGR = np.array((103.939, 116.779, 123.68), np.float32)
_IMAGENET_MEAN = np.array((0.485, 0.456, 0.406), np.float32)
_IMAGENET_DEVIATION = np.array((0.229, 0.224, 0.225), np.float32)


def scaled(images: Pixels, scaling: Scaling) -> npt.NDArray[np.float32]:
    """Scale pixels as `contract.sidecar.Sidecar` says.

    Args:
        images: uint8 [N, H, W, 3], RGB.
        scaling: one of its modes.

    Returns:
        float32 [N, H, W, 3].
    """
    values = images.astype(np.float32)
    match scaling:
        case "1/255":
            return values / np.float32(255)
        case "tf":
            return values / np.float32(127.5) - np.float32(1)
        case "torch":
            return (values / np.float32(255) - _IMAGENET_MEAN) / _IMAGENET_DEVIATION
        case "caffe":
            return np.ascontiguousarray(values[..., ::-1]) - _IMAGENET_MEAN_BGR
        case "none":
            return values


def foreign_inputs(images: Pixels, sidecar: Sidecar) -> Tensors:
    """What the sidecar's signature takes, of uint8 [N, H, W, 3]."""
    return {sidecar.input_name: scaled(images, sidecar.scaling)}


def as_probabilities(values: npt.NDArray[Any], sidecar: Sidecar) -> npt.NDArray[np.float32]:
    """Probabilities float32 [N, C] of what the model answered, [N, C] finite."""
    if sidecar.output_kind == "logits":
        values = _softmax(values.astype(np.float64))
    return values.astype(np.float32)


def _softmax(logits: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    powers: npt.NDArray[np.float64] = np.exp(logits - logits.max(axis=1, keepdims=True))
    shares: npt.NDArray[np.float64] = powers / powers.sum(axis=1, keepdims=True)
    return shares
