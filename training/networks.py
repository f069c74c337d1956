"""Builds the whole network of a recipe: uint8 pixels in, logits out, one flat Keras graph.

Only Keras's own layers are used, so `model.keras` opens without this project.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import keras

from training.backbones import APPLICATIONS, EFFICIENTNET_LITE0, SMALL_NETWORKS
from training.efficientnet_lite0 import PACKAGE, efficientnet_lite0, imagenet_checkpoint, load_checkpoint
from training.errors import RecipeError, WeightsError
from training.keras_applications import application, check_weights_file, set_weights
from training.recipe import Head, Recipe
from training.scaling import scaled

# Filters of the 'valid' 3x3 convolutions, each with relu and halved by a maximum.
_SMALL = {"cnn3": (32, 32, 64), "cnn4": (32, 64, 128, 128)}
_MAPS_RANK = 4


@dataclass(frozen=True, kw_only=True)
class Classifier:
    """One network, and which of its layers are the recipe's `network`.

    Attributes:
        model: uint8 [N, H, W, 3] to logits float32 [N, C].
        backbone: names of the network's layers in its own order, without its input: what `frozen` counts.
    """

    model: Any
    backbone: tuple[str, ...]

    @property
    def features(self) -> Any:
        """A model of the same layers: uint8 [N, H, W, 3] to the pooled features [N, D]."""
        return keras.Model(self.model.inputs[0], self.model.get_layer("features").output)


def build_classifier(recipe: Recipe, *, classes: int) -> Classifier:
    """Build the network and load the weights it starts from.

    Raises:
        RecipeError: the network cannot take images of that size, or has no such last layer.
        WeightsError: as `check_weights`, or the file holds another network.
    """
    try:
        with _precision(recipe.precision):
            classifier = _build(recipe, classes=classes)
    except ValueError as exc:  # Keras's, when a layer would give maps without a single cell
        height, width, _ = recipe.image.shape
        raise RecipeError(
            f"recipe {recipe.name}: {recipe.network} cannot be built for images of {width}x{height}: "
            f"{str(exc).partition(chr(10))[0]}"
        ) from exc
    return classifier


def float32_copy(classifier: Classifier, recipe: Recipe) -> Classifier:
    """The same network in plain float32, with its weights: what every model server can run.

    Returns:
        The classifier itself where it is float32 already.
    """
    if recipe.precision == "float32":
        return classifier
    plain = replace(recipe, precision="float32", weights="none")
    copy = build_classifier(plain, classes=classifier.model.outputs[0].shape[-1])
    for mine, theirs in zip(copy.model.layers, classifier.model.layers, strict=True):
        set_weights(mine, theirs.get_weights())
    return copy


def check_weights(recipe: Recipe) -> None:
    """Refuse weights that are not there, without building anything.

    Raises:
        WeightsError: a package or a file is missing, or the network knows no such weights.
    """
    if recipe.weights == "none":
        return
    if recipe.network in SMALL_NETWORKS:
        raise WeightsError(f"{recipe.network} starts from random weights: choose --weights none")
    if recipe.network == EFFICIENTNET_LITE0:
        check_weights_file(_lite0_file(recipe.weights))
    elif recipe.weights != "imagenet":
        check_weights_file(Path(recipe.weights))


def weights_origin(recipe: Recipe) -> str:
    """What the network starts from, for people; of a file its name, and its digest while it is there."""
    if recipe.weights == "imagenet":
        origin = PACKAGE if recipe.network == EFFICIENTNET_LITE0 else "keras.applications"
        return f"imagenet ({origin})"
    if recipe.weights == "none":
        return "random"
    digest = weights_digest(recipe)
    return Path(recipe.weights).name + (f" (SHA-256 {digest})" if digest else "")


def weights_digest(recipe: Recipe) -> str | None:
    """The SHA-256 of the file the network starts from, in hexadecimal; None where there is none."""
    path = Path(recipe.weights)
    if not path.is_file():
        return None
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _build(recipe: Recipe, *, classes: int) -> Classifier:
    images = keras.Input(recipe.image.shape, dtype="uint8", name="images")
    pixels = _pixels(images, recipe)
    network = _network(images, pixels, recipe)
    maps = _end(network, recipe)
    before = {layer.name for layer in keras.Model(images, pixels).layers}
    logits = _head(_pooling(recipe.head)(maps), recipe, classes=classes)
    model = keras.Model(images, logits, name="classifier")
    kept = {layer.name for layer in model.layers}
    backbone = (layer.name for layer in network.layers if layer.name in kept - before)
    return Classifier(model=model, backbone=tuple(backbone))


def _pixels(images: Any, recipe: Recipe) -> Any:
    """What the network is given."""
    if recipe.adapter == "none":
        return scaled(images, recipe.effective_scaling)
    gray = keras.ops.image.rgb_to_grayscale(keras.ops.cast(images, "float32"))  # ITU-R BT.601
    three = keras.ops.repeat(gray, 3, axis=-1)
    one = keras.ops.expand_dims(scaled(three, recipe.effective_scaling)[..., 0], axis=-1)
    x = keras.layers.Conv2D(3, 3, padding="same", name="adapter_conv")(one)
    x = keras.layers.BatchNormalization(name="adapter_bn")(x)
    return keras.layers.ReLU(name="adapter_relu")(x)


def _network(images: Any, pixels: Any, recipe: Recipe) -> Any:
    """A Keras model of the images that ends in the network's feature maps."""
    if recipe.network in APPLICATIONS:
        return application(recipe.network, pixels, weights=recipe.weights)
    if recipe.network != EFFICIENTNET_LITE0:
        return keras.Model(images, _small(pixels, _SMALL[recipe.network]))
    network = keras.Model(images, efficientnet_lite0(pixels))
    if recipe.weights != "none":
        load_checkpoint(network, _lite0_file(recipe.weights))
    return network


def _small(x: Any, filters: tuple[int, ...]) -> Any:
    for number, count in enumerate(filters, start=1):
        x = keras.layers.Conv2D(count, 3, activation="relu", name=f"conv{number}")(x)
        x = keras.layers.MaxPooling2D(2, name=f"pool{number}")(x)
    return x


def _end(network: Any, recipe: Recipe) -> Any:
    """The output of the recipe's last layer."""
    if not recipe.last_layer:
        return network.output
    layers = (layer for layer in network.layers if not isinstance(layer, keras.layers.InputLayer))
    maps = {layer.name: layer.output for layer in layers if len(layer.output.shape) == _MAPS_RANK}
    if recipe.last_layer not in maps:
        raise RecipeError(f"recipe {recipe.name}: {recipe.network} has no maps {recipe.last_layer!r}")
    return maps[recipe.last_layer]


def _pooling(head: Head) -> Any:
    if head.pooling == "average":
        return keras.layers.GlobalAveragePooling2D(name="features")
    return keras.layers.Flatten(name="features")


def _head(x: Any, recipe: Recipe, *, classes: int) -> Any:
    for number, units in enumerate(recipe.head.hidden, start=1):
        x = keras.layers.Dense(units, activation="relu", name=f"hidden{number}")(x)
    if recipe.head.dropout:
        x = keras.layers.Dropout(recipe.head.dropout, name="dropout")(x)
    # float32 whatever the precision: a softmax of float16 logits loses the small probabilities.
    bias = recipe.svm is None  # the machine has none
    return keras.layers.Dense(classes, use_bias=bias, dtype="float32", name="logits")(x)


@contextmanager
def _precision(policy: str) -> Iterator[None]:
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(policy)
    try:
        yield
    finally:
        keras.config.set_dtype_policy(before)


def _lite0_file(weights: str) -> Path:
    return imagenet_checkpoint() if weights == "imagenet" else Path(weights)
