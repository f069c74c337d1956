"""The SavedModel with its four signatures (see `contract.signatures`).

Written with `keras.export.ExportArchive`: TensorFlow Serving restores variables through the checkpoint alone,
and a Keras 3 model saved in another way loads in Python and fails there.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import tensorflow as tf

from contract import signatures
from training.cut import CutModel
from training.errors import ExportError
from training.export.grad_cam import heatmaps_and_logits

Endpoint = Callable[..., dict[str, Any]]


def write_saved_model(
    model: Any, folder: Path, *, split: CutModel, temperature: float, manifest_json: str
) -> None:
    """Write the graph and its variables.

    Args:
        model: uint8 [N, H, W, 3] to logits float32 [N, C].
        folder: to write into; assets beside the SavedModel are left alone.
        split: the same network, cut for Grad-CAM.
        temperature: divides the logits before the softmax.
        manifest_json: what the `manifest` signature answers.

    Raises:
        ExportError: TensorFlow could not write it.
    """
    images = tf.TensorSpec([None, *model.inputs[0].shape[1:]], tf.uint8, name=signatures.IMAGES)
    class_index = tf.TensorSpec([None], tf.int32, name=signatures.CLASS_INDEX)
    request = tf.TensorSpec([None], tf.int32, name=signatures.REQUEST)
    # Not `archive.track(model)`: the endpoints' variables are tracked anyway, and all would be written twice.
    archive = keras.export.ExportArchive()
    archive.add_endpoint(signatures.SERVING_DEFAULT, _predict(model, temperature), [images])
    archive.add_endpoint(signatures.EXPLAIN, _explain(split, temperature), [images, class_index])
    archive.add_endpoint(signatures.EMBED, _embed(model), [images])
    archive.add_endpoint(signatures.MANIFEST, _manifest(manifest_json), [request])
    try:
        archive.write_out(str(folder), verbose=False)
    except tf.errors.OpError as exc:
        raise ExportError(f"cannot write the SavedModel: {str(exc.message).partition(chr(10))[0]}") from exc


def last_dense(model: Any) -> Any:
    """The layer whose input is what `embed` answers."""
    return next(layer for layer in reversed(model.layers) if isinstance(layer, keras.layers.Dense))


def embedder(model: Any) -> Any:
    """A model of the same layers: uint8 [N, H, W, 3] to float32 [N, D], embeddings before normalisation."""
    return keras.Model(model.inputs[0], last_dense(model).input)


def _predict(model: Any, temperature: float) -> Endpoint:
    def predict(images: Any) -> dict[str, Any]:
        return {signatures.PROBABILITIES: _probabilities(model(images, training=False), temperature)}

    return predict


def _explain(split: CutModel, temperature: float) -> Endpoint:
    def explain(images: Any, class_index: Any) -> dict[str, Any]:
        heatmaps, logits = heatmaps_and_logits(split, images, class_index)
        return {
            signatures.HEATMAPS: heatmaps,
            signatures.PROBABILITIES: _probabilities(logits, temperature),
        }

    return explain


def _embed(model: Any) -> Endpoint:
    features = embedder(model)

    def embed(images: Any) -> dict[str, Any]:
        return {signatures.EMBEDDINGS: tf.math.l2_normalize(features(images, training=False), axis=1)}

    return embed


def _manifest(manifest_json: str) -> Endpoint:
    def manifest(request: Any) -> dict[str, Any]:
        return {signatures.MANIFEST: tf.fill(tf.shape(request), manifest_json)}

    return manifest


def _probabilities(logits: Any, temperature: float) -> Any:
    return tf.nn.softmax(tf.cast(logits, tf.float32) / temperature)
