"""A real Keras model that knows nothing of this project: float32 pixels, no manifest, exported by Keras."""

from __future__ import annotations

from pathlib import Path
from typing import Any

LABELS = ("cat", "dog", "owl")
SIDE = 8
_TOML = """
model = "{model}"
version = {version}
classes = 3
labels = ["cat", "dog", "owl"]
max_batch_size = 4

[image]
height = 8
width = 8

[input]
signature = "{signature}"
name = "{input_name}"
scaling = "{scaling}"

[output]
name = "{output_name}"
kind = "{kind}"
"""


def write_foreign_model(folder: Path, *, softmax: bool = True) -> Any:
    """Export as `model.export()` does; the model itself is returned, to compare with."""
    import keras

    keras.utils.set_random_seed(7)
    images = keras.Input((SIDE, SIDE, 3), name="pixels")
    x = keras.layers.Conv2D(4, 3, activation="relu")(images)
    x = keras.layers.GlobalAveragePooling2D()(x)
    scores = keras.layers.Dense(3, activation="softmax" if softmax else None, name="scores")(x)
    model = keras.Model(images, scores)
    model.export(str(folder), verbose=False)
    return model


def sidecar_toml(  # noqa: PLR0913 - what a sidecar says
    *,
    model: str = "legacy",
    version: int = 3,
    signature: str = "serving_default",
    input_name: str = "pixels",
    scaling: str = "1/255",
    output_name: str = "output_0",
    kind: str = "probabilities",
) -> str:
    """A sidecar of it."""
    return _TOML.format(**locals())
