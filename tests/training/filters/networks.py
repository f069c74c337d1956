"""Networks as `open_network` answers them, whose filters and classes each stand for a colour."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np

from contract.image_spec import ImageSpec
from tests.manifests import manifest
from training.filters.network import Network
from training.scaling import scaled

SIDE = 16
COLOURS = ("red", "green", "blue")


def colour_network(scaling: Any = "1/255", **convolution: Any) -> Network:
    """Convolution `colours`, of a filter a colour, then logits of those colours."""
    images = keras.Input((SIDE, SIDE, 3), dtype="uint8")
    layer = keras.layers.Conv2D(3, 1, activation="relu", use_bias=False, name="colours", **convolution)
    x = keras.layers.GlobalAveragePooling2D()(layer(scaled(images, scaling)))
    model = keras.Model(images, keras.layers.Dense(3, use_bias=False, name="logits")(x))
    channels = np.eye(3)[::-1] if scaling == "caffe" else np.eye(3)
    set_kernel(model, "colours", channels - 0.5 * (1 - channels))
    model.get_layer("logits").set_weights([np.eye(3)])
    return network_of(model)


def network_of(model: Any) -> Network:
    """The model with the manifest of its size."""
    height, width = model.inputs[0].shape[1:3]
    its_manifest = manifest(labels=COLOURS, image=ImageSpec(height=height, width=width))
    return Network(model=model, manifest=its_manifest)


def set_kernel(model: Any, layer: str, kernel: Any) -> None:
    """Weights of a 1x1 convolution, [channels in, filters]."""
    model.get_layer(layer).set_weights([np.asarray(kernel, np.float32)[None, None]])
