"""The exported version answers as the Keras network does, through the loader TensorFlow Serving uses."""

from __future__ import annotations

import csv
import json
from dataclasses import replace

import numpy as np
import pytest

from contract import signatures
from contract.errors import ContractBrokenError
from contract.golden import golden_images
from contract.manifest import Manifest

pytestmark = [pytest.mark.tensorflow, pytest.mark.slow]


@pytest.fixture(scope="module")
def exported(trained):
    from training.exported_model import ExportedModel

    with ExportedModel(trained.version) as model:
        yield model


@pytest.fixture(scope="module")
def network(trained):
    """The Keras network that travels with the version."""
    import keras

    return keras.saving.load_model(trained.version / "assets.extra" / "model.keras", compile=False)


@pytest.fixture(scope="module")
def images():
    return np.random.default_rng(5).integers(0, 256, (5, 32, 32, 3)).astype(np.uint8)


def _explain(model, images, classes):
    inputs = {signatures.IMAGES: images, signatures.CLASS_INDEX: np.array(classes, np.int32)}
    return model.call(signatures.EXPLAIN, inputs)


def test_predict_equals_keras(exported, network, images, trained):
    from training.calibration import softmax

    expected = softmax(np.asarray(network(images, training=False)), trained.calibration.temperature)

    assert exported.predict(images) == pytest.approx(expected, abs=1e-4)


def test_embed_equals_the_input_of_the_last_dense_layer_at_length_one(exported, network, images):
    import keras

    features = keras.Model(network.inputs[0], network.get_layer("logits").input)
    expected = np.asarray(features(images, training=False))
    expected = expected / np.linalg.norm(expected, axis=1, keepdims=True)

    embeddings = exported.call(signatures.EMBED, {signatures.IMAGES: images})[signatures.EMBEDDINGS]

    assert embeddings == pytest.approx(expected, abs=1e-4)


def test_explain_equals_grad_cam_written_out(exported, network, images):
    import keras
    import tensorflow as tf

    layer = network.get_layer(exported.manifest.explain_layer)
    lower, upper = (
        keras.Model(network.inputs[0], layer.output),
        keras.Model(layer.output, network.outputs[0]),
    )
    activation = tf.constant(np.asarray(lower(images)))
    spoken_for = 0
    for class_index in range(3):
        with tf.GradientTape() as tape:
            tape.watch(activation)
            logit = upper(activation, training=False)[:, class_index]
        weights = np.asarray(tape.gradient(logit, activation)).mean(axis=(1, 2))
        small = np.maximum(np.einsum("nhwk,nk->nhw", np.asarray(activation), weights), 0)
        large = np.asarray(tf.image.resize(small[..., None], (32, 32)))[..., 0]

        answer = _explain(exported, images, [class_index] * len(images))

        for heatmap, expected in zip(answer[signatures.HEATMAPS], large, strict=True):
            assert heatmap == pytest.approx(expected / (expected.max() or 1), abs=1e-4)
            spoken_for += expected.max() > 0
        assert answer[signatures.PROBABILITIES] == pytest.approx(exported.predict(images), abs=1e-4)
    assert spoken_for


def test_the_explained_layer_is_the_last_of_at_least_7_by_7(exported, network):
    assert exported.manifest.explain_layer == "conv2"
    assert network.get_layer("conv2").output.shape[1:3] == (13, 13)


def test_a_heat_map_does_not_depend_on_its_batch(exported, images):
    together = _explain(exported, images, [0, 1, 2, 0, 1])[signatures.HEATMAPS]

    for index, class_index in enumerate([0, 1, 2, 0, 1]):
        alone = _explain(exported, images[index : index + 1], [class_index])[signatures.HEATMAPS]
        assert alone[0] == pytest.approx(together[index], abs=1e-4)


def test_a_heat_map_reaches_one_or_is_all_zeros_and_never_nan(exported, images):
    heatmaps = _explain(exported, images, [0, 1, 2, 0, 99])[signatures.HEATMAPS]

    assert np.isfinite(heatmaps).all()
    assert all(m.max() == pytest.approx(1) or not m.any() for m in heatmaps)
    assert not heatmaps[4].any()  # no such class: nothing speaks for it


def test_the_manifest_signature_answers_the_file_as_often_as_asked(exported, trained):
    answer = exported.call(signatures.MANIFEST, {signatures.REQUEST: np.array([7, -1, 0], np.int32)})

    text = (trained.version / "assets.extra" / "manifest.json").read_bytes()
    assert list(answer[signatures.MANIFEST]) == [text] * 3


def test_the_manifest_says_what_was_trained(exported, trained, tiny_recipe):
    manifest = exported.manifest

    assert manifest.labels == ("amber", "blue", "green")
    assert manifest.image == tiny_recipe.image
    assert manifest.metrics["accuracy"] == trained.evaluation.accuracy
    assert manifest.provenance.image_counts == {"test": 9, "train": 42, "validation": 9}
    assert (manifest.provenance.recipe, manifest.provenance.weights) == ("cnn3", "random")
    assert len(manifest.golden.examples) == 4


def test_the_run_is_recorded_beside_the_model(trained):
    extra = trained.version / "assets.extra"
    report = json.loads((extra / "report.json").read_text("utf-8"))
    history = list(csv.DictReader((extra / "history.csv").read_text("utf-8").splitlines()))
    split = list(csv.DictReader((extra / "split.csv").read_text("utf-8").splitlines()))

    assert [(entry["path"], entry["code"]) for entry in report["unreadable"]] == [
        ("blue/notes.jpg", "unsupported_format")
    ]
    assert [row["epoch"] for row in history] == ["1", "2"]
    assert {"loss", "accuracy", "val_loss", "val_accuracy"} <= history[0].keys()
    assert len(split) == 60
    assert {row["split"] for row in split} == {"train", "validation", "test"}
    assert (extra / "tf_serving_warmup_requests").stat().st_size > 0


def test_a_folder_without_a_model_is_refused(tmp_path):
    from training.exported_model import ExportedModel

    with pytest.raises(ContractBrokenError, match="does not load"):
        ExportedModel(tmp_path)


def _export_again(network, manifest, base, *, temperature):
    from training.export.grad_cam import split_for_grad_cam
    from training.export.version import RunRecord, export_version

    changed = replace(manifest, temperature=temperature)
    return export_version(
        network,
        base,
        split=split_for_grad_cam(network),
        manifest=changed,
        record=RunRecord(report={}, split=[{"path": "a"}], history=[{"epoch": 1}]),
        keep_keras=False,
    )


def test_a_network_that_is_not_the_one_of_the_golden_examples_is_never_published(network, exported, tmp_path):
    import keras

    other = keras.models.clone_model(network)
    other.set_weights([weight * 0.5 for weight in network.get_weights()])

    with pytest.raises(ContractBrokenError, match="golden examples: probabilities differ"):
        _export_again(other, exported.manifest, tmp_path / "m", temperature=exported.manifest.temperature)

    assert list(tmp_path.iterdir()) == []


def test_a_version_may_leave_the_keras_file_out(network, exported, tmp_path):
    version = _export_again(
        network, exported.manifest, tmp_path / "m", temperature=exported.manifest.temperature
    )

    assert not (version / "assets.extra" / "model.keras").exists()
    assert len(golden_images(Manifest.from_json((version / "assets.extra/manifest.json").read_bytes()))) == 4
