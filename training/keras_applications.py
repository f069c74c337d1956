"""Networks of `keras.applications`, as part of one flat graph.

Their ImageNet weights are downloaded on first use; a saved file of weights without the top does as well.
"""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import keras
import numpy as np

from training.errors import WeightsError

OFFLINE_CHOICES = (
    "choose --weights PATH (a saved file), --weights none, or a recipe of efficientnet-lite0, whose weights "
    "come from the package index"
)


def application(name: str, scaled: Any, *, weights: str) -> Any:
    """The network of that name on scaled pixels.

    Args:
        name: of its class in `keras.applications`.
        scaled: Keras tensor, float [N, H, W, 3].
        weights: `imagenet`, `none`, or the path of a weights file without the top.

    Returns:
        A Keras model from whatever `scaled` depends on to the feature maps.

    Raises:
        ValueError: Keras's, where the images are too small for the network.
        WeightsError: the download failed, or the file does not fit the network.
    """
    network = getattr(keras.applications, name)(include_top=False, weights=None, input_tensor=scaled)
    if weights != "none":
        # Built a second time for them: a network used as a layer hides the activations Grad-CAM reads.
        _take_weights(network, _with_weights(name, weights, tuple(scaled.shape[1:])))
    return network


def check_weights_file(path: Path) -> None:
    """Refuse a path before hours are spent.

    Raises:
        WeightsError: there is no such file.
    """
    if not path.is_file():
        raise WeightsError(f"no weights file at {path}")


def set_weights(layer: Any, values: list[Any]) -> None:
    """Set a layer's weights and what it derives from them: `Normalization` keeps a copy of its own."""
    layer.set_weights(values)
    if isinstance(layer, keras.layers.Normalization):
        layer.finalize_state()


def _take_weights(network: Any, theirs: Any) -> None:
    """By their order: Xception and the Inceptions have layers without a name of their own."""
    given = [layer for layer in theirs.layers if layer.weights]
    taking = [layer for layer in network.layers if layer.weights][-len(given) :]
    for layer, source in zip(taking, given, strict=True):
        set_weights(layer, _rescaled(source, theirs))


def _rescaled(layer: Any, network: Any) -> list[Any]:
    """A layer's weights, those of a Normalization with the factors of a Rescaling that follows it.

    With weights='imagenet', and then alone, EfficientNetB0 to B7 have such a layer.
    """
    weights: list[Any] = layer.get_weights()
    after = network.layers[network.layers.index(layer) + 1]
    if isinstance(layer, keras.layers.Normalization) and isinstance(after, keras.layers.Rescaling):
        mean, variance, count = weights
        return [mean, variance / np.square(after.scale), count]
    return weights


def _with_weights(name: str, weights: str, shape: tuple[int, ...]) -> Any:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")  # Keras only warns where a file has other layers
            return getattr(keras.applications, name)(include_top=False, weights=weights, input_shape=shape)
    # Keras raises a bare Exception when a download fails, and anything for a file of another network.
    except Exception as exc:
        if weights == "imagenet":
            raise WeightsError(
                f"the ImageNet weights of {name} could not be downloaded: {OFFLINE_CHOICES}"
            ) from exc
        raise WeightsError(f"{weights} does not hold the weights of {name} without its top") from exc
