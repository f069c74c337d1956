"""Builds the whole network of a recipe: uint8 pixels in, logits out, one flat Keras graph.

Only Keras's own layers are used, so `model.keras` opens without this project.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras

from training.efficientnet_lite0 import PACKAGE, efficientnet_lite0, imagenet_checkpoint, load_checkpoint
from training.errors import RecipeError, WeightsError
from training.keras_applications import NETWORKS, application, check_weights_file
from training.recipe import Head, Recipe
from training.scaling import scaled


@dataclass(frozen=True, kw_only=True)
class Classifier:
    """One network seen as a whole and as two parts; all three share their layers.

    Attributes:
        model: uint8 [N, H, W, 3] to logits float32 [N, C].
        features: uint8 [N, H, W, 3] to the pooled features float32 [N, D].
        head: those to the logits.
    """

    model: Any
    features: Any
    head: Any


def build_classifier(recipe: Recipe, *, classes: int) -> Classifier:
    """Build the network and load the weights it starts from.

    Raises:
        RecipeError: the network cannot take images of that size.
        WeightsError: as `check_weights`, or the file holds another network.
    """
    try:
        classifier = _build(recipe, classes=classes)
    except ValueError as exc:  # Keras's, when a layer would give maps without a single cell
        height, width, _ = recipe.image.shape
        raise RecipeError(
            f"recipe {recipe.name}: {recipe.network} cannot be built for images of {width}x{height}"
        ) from exc
    if recipe.network == "efficientnet-lite0" and recipe.weights != "none":
        load_checkpoint(classifier.model, _lite0_file(recipe.weights))
    return classifier


def check_weights(recipe: Recipe) -> None:
    """Refuse weights that are not there, without building anything.

    Raises:
        WeightsError: a package or a file is missing, or the network knows no such weights.
    """
    if recipe.weights == "none":
        return
    if recipe.network == "cnn3":
        raise WeightsError("cnn3 starts from random weights: choose --weights none")
    if recipe.network == "efficientnet-lite0":
        check_weights_file(_lite0_file(recipe.weights))
    elif recipe.weights != "imagenet":
        check_weights_file(Path(recipe.weights))


def weights_origin(recipe: Recipe) -> str:
    """What the network starts from, for the manifest; of a path the file's name only."""
    if recipe.weights == "imagenet":
        origin = PACKAGE if recipe.network == "efficientnet-lite0" else "keras.applications"
        return f"imagenet ({origin})"
    return "random" if recipe.weights == "none" else Path(recipe.weights).name


def _build(recipe: Recipe, *, classes: int) -> Classifier:
    images = keras.Input(recipe.image.shape, dtype="uint8", name="images")
    maps = _feature_maps(scaled(images, recipe.scaling), recipe)
    pooled = _pooling(recipe.head)(maps)
    logits = _head(pooled, recipe.head, classes=classes)
    return Classifier(
        model=keras.Model(images, logits, name="classifier"),
        features=keras.Model(images, pooled),
        head=keras.Model(pooled, logits),
    )


def _feature_maps(pixels: Any, recipe: Recipe) -> Any:
    if recipe.network == "efficientnet-lite0":
        return efficientnet_lite0(pixels)
    if recipe.network in NETWORKS:
        return application(recipe.network, pixels, weights=recipe.weights)
    return _cnn3(pixels)


def _cnn3(x: Any) -> Any:
    """Three 'valid' convolutions of 32, 32 and 64 filters, each halved by a maximum."""
    for number, filters in enumerate((32, 32, 64), start=1):
        x = keras.layers.Conv2D(filters, 3, activation="relu", name=f"conv{number}")(x)
        x = keras.layers.MaxPooling2D(2, name=f"pool{number}")(x)
    return x


def _pooling(head: Head) -> Any:
    if head.pooling == "average":
        return keras.layers.GlobalAveragePooling2D(name="features")
    return keras.layers.Flatten(name="features")


def _head(x: Any, head: Head, *, classes: int) -> Any:
    for number, units in enumerate(head.hidden, start=1):
        x = keras.layers.Dense(units, activation="relu", name=f"hidden{number}")(x)
    if head.dropout:
        x = keras.layers.Dropout(head.dropout, name="dropout")(x)
    return keras.layers.Dense(classes, name="logits")(x)


def _lite0_file(weights: str) -> Path:
    return imagenet_checkpoint() if weights == "imagenet" else Path(weights)
