"""The Keras network that travels with a published version, and the way gradients reach its pixels."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras

from contract.errors import ModelFolderError
from contract.manifest import Manifest
from contract.model_folder import pinned_version, read_manifest

KERAS_FILE = "assets.extra/model.keras"
_CONVOLUTIONS = (
    keras.layers.Conv2D,
    keras.layers.Conv2DTranspose,
    keras.layers.DepthwiseConv2D,
    keras.layers.SeparableConv2D,
)


@dataclass(frozen=True, kw_only=True)
class Network:
    """A version's network.

    Attributes:
        model: uint8 [N, H, W, 3] to logits float32 [N, C].
        manifest: of the version.
    """

    model: Any
    manifest: Manifest

    @property
    def convolutions(self) -> dict[str, Any]:
        """Its convolution layers by name, from the pixels to the logits."""
        return {layer.name: layer for layer in self.model.layers if isinstance(layer, _CONVOLUTIONS)}


def open_network(path: Path) -> Network:
    """Read the network of a version's folder, or of the newest version of a model's.

    Raises:
        ModelFolderError: no version lies there, or none with a Keras file that can be read.
        ManifestError: its manifest cannot be read.
    """
    _, _, version = pinned_version(path)
    manifest = read_manifest(version)
    file = version / KERAS_FILE
    if not file.is_file():
        raise ModelFolderError(f"{version} holds no {KERAS_FILE}: it was published with --no-keep-keras")
    try:
        return Network(model=keras.saving.load_model(file, compile=False), manifest=manifest)
    # Keras answers a damaged or foreign file with nearly any exception (BadZipFile, KeyError, TypeError …).
    except Exception as exc:
        raise ModelFolderError(f"{file} cannot be read as a Keras model") from exc


def of_float_pixels(model: Any, output: Any) -> Callable[[Any], Any]:
    """The part of a network up to one tensor, as a function that gradients pass.

    The network takes uint8, which has no gradient, and `keras.Model` casts whatever it is given to that. A
    `keras.Function` runs the same layers, the scaling among them, on what it gets.

    Args:
        model: uint8 [N, H, W, 3] to anything.
        output: Keras tensor of its graph.

    Returns:
        float32 RGB [N, H, W, 3], 0 to 255, to that tensor's value as float32, in inference mode. Traced with
        unknown H and W it takes any size that the layers in between take.
    """
    function = keras.Function(model.inputs[0], output)
    return lambda images: keras.ops.cast(function(images), "float32")
