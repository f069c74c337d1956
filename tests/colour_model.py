"""A real model as small as it gets: tells red, green and blue pictures apart, without training."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import keras
import numpy as np

from contract.image_spec import ImageSpec
from contract.manifest import Manifest
from tests.manifests import manifest
from tests.pictures import colour_picture
from training.export.golden import choose_golden
from training.export.grad_cam import split_for_grad_cam
from training.export.graph import write_saved_model
from training.export.version import RunRecord, export_version

SPEC = ImageSpec(height=8, width=8)
COLOURS = ("red", "green", "blue")


def publish_colours(
    base: Path,
    *,
    labels: tuple[str, ...] = COLOURS,
    order: tuple[int, ...] = (0, 1, 2),
    unknown_threshold: float = 0.0,
) -> Path:
    """Export a version through the product's own export.

    Args:
        base: `<models>/<name>`.
        labels: in the order of the outputs.
        order: the colour (0 red, 1 green, 2 blue) that each output stands for.
        unknown_threshold: under which an answer is `unknown`.
    """
    model = _network(order)
    record = RunRecord(
        report={},
        split=[{"path": "-", "label": "-", "split": "train", "sha256": "-"}],
        history=[{"epoch": 0}],
    )
    return export_version(
        model,
        base,
        split=split_for_grad_cam(model),
        manifest=dataclasses.replace(
            _manifest(model, base.name, labels), unknown_threshold=unknown_threshold
        ),
        record=record,
        keep_keras=False,
    )


def write_version_that_answers_otherwise(folder: Path, *, labels: tuple[str, ...] = COLOURS) -> None:
    """A version whose golden examples are another network's: what a lost weight looks like."""
    model = _network((2, 1, 0))
    its_manifest = _manifest(_network((0, 1, 2)), folder.parent.name, labels)
    aside = folder.with_name(".incoming")
    aside.mkdir(parents=True)
    write_saved_model(
        model,
        aside,
        split=split_for_grad_cam(model),
        temperature=its_manifest.temperature,
        manifest_json=its_manifest.to_json(),
    )
    aside.rename(folder)


def _network(order: tuple[int, ...]) -> Any:
    images = keras.Input(SPEC.shape, dtype="uint8", name="images")
    x = keras.layers.Rescaling(1 / 255)(images)
    x = keras.layers.Conv2D(3, 1, activation="relu", use_bias=False, name="colours")(x)
    x = keras.layers.GlobalAveragePooling2D(name="features")(x)
    model = keras.Model(images, keras.layers.Dense(3, use_bias=False, name="logits")(x))
    model.get_layer("colours").set_weights([np.eye(3).reshape(1, 1, 3, 3)])
    model.get_layer("logits").set_weights([8 * np.eye(3)[:, list(order)]])
    return model


def _manifest(model: Any, name: str, labels: tuple[str, ...]) -> Manifest:
    pictures = [colour_picture(colour) for colour in COLOURS]
    golden = choose_golden(pictures, spec=SPEC, model=model, temperature=1.0)
    return dataclasses.replace(
        manifest(),
        name=name,
        labels=labels,
        image=SPEC,
        temperature=1.0,
        explain_layer="colours",
        golden=golden,
    )
