"""What a picture is made for: filters of a convolution, or classes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import keras

from training.filters.errors import TargetError
from training.filters.network import Network, of_float_pixels

_COARSEST = 16  # pixels a cell: the last convolution at this detail shows parts of things
_LEAK = 0.1  # of an answer below zero counts


@dataclass(frozen=True, kw_only=True)
class Target:
    """Some of the values one tensor of a network answers.

    Attributes:
        name: of the layer, or `classes`.
        answer: float32 RGB [N, H, W, 3], 0 to 255, to float32 [N, h, w, K] or [N, K].
        units: which of the K.
        titles: of those units.
        cell: pixels a side that one place of the answer stands for. Shifts by as much leave no grain of the
            network's strides, and its padding no wider a frame.
    """

    name: str
    answer: Callable[[Any], Any]
    units: tuple[int, ...]
    titles: tuple[str, ...]
    cell: int


def filter_count(network: Network, layer: str) -> int:
    """How many filters a convolution has.

    Raises:
        TargetError: there is no such convolution.
    """
    return int(_convolution(network, layer).output.shape[-1])


def filters_of(network: Network, layer: str, units: Sequence[int]) -> Target:
    """Filters of a convolution, with a leaky relu in place of its own activation function.

    Noise leaves most filters of a late layer at zero everywhere (359 of 512 of VGG16's block5_conv3), where
    relu has no gradient. Without any such function the answers to light and dark would cancel in the mean,
    and no edge filter would show. A batch normalisation that follows belongs to the filter, as its scale may
    be negative.

    Args:
        network: that has the layer.
        layer: name of a convolution.
        units: numbers of the filters.

    Raises:
        TargetError: no such convolution or filter.
    """
    last = filter_count(network, layer) - 1
    for unit in units:
        if not 0 <= unit <= last:
            raise TargetError(f"{layer} has no filter {unit}: they are 0 to {last}")
    output = keras.ops.leaky_relu(_before_activation(network, _convolution(network, layer)), _LEAK)
    return Target(
        name=layer,
        answer=of_float_pixels(network.model, output),
        units=tuple(units),
        titles=tuple(f"{unit}" for unit in units),
        cell=network.manifest.image.height // _rows(network, layer),
    )


def classes_of(network: Network, labels: Sequence[str]) -> Target:
    """Logits of classes, before the temperature and the softmax.

    Raises:
        TargetError: no such class.
    """
    known = network.manifest.labels
    for label in labels:
        if label not in known:
            raise TargetError(f"the model has no class {label!r}: its classes are {', '.join(known)}")
    return Target(
        name="classes",
        answer=of_float_pixels(network.model, network.model.outputs[0]),
        units=tuple(known.index(label) for label in labels),
        titles=tuple(labels),
        cell=_COARSEST,
    )


def late_middle_layer(network: Network) -> str:
    """The last convolution with a cell for every 16 pixels a side; else the last of all.

    Raises:
        TargetError: the network has no convolution.
    """
    height = network.manifest.image.height
    names = list(network.convolutions)
    fine = [name for name in names if _rows(network, name) * _COARSEST >= height]
    if not names:
        raise TargetError("the network has no convolution: choose a class")
    return (fine or names)[-1]


def _rows(network: Network, layer: str) -> int:
    return int(network.convolutions[layer].output.shape[1])


def _convolution(network: Network, name: str) -> Any:
    convolutions = network.convolutions
    if name not in convolutions:
        raise TargetError(f"no convolution {name!r}: the network has {', '.join(convolutions)}")
    return convolutions[name]


def _before_activation(network: Network, layer: Any) -> Any:
    linear = type(layer).from_config(layer.get_config() | {"activation": "linear", "name": "linear"})
    output = linear(layer.input)
    linear.set_weights(layer.get_weights())
    for follower in network.model.layers:
        if isinstance(follower, keras.layers.BatchNormalization) and follower.input is layer.output:
            return follower(output)
    return output
