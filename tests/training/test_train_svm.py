"""A support vector machine becomes the last layer of an exported network."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from training.recipe import Augmentation, Head, Svm

from .plans import plan_in

pytestmark = [pytest.mark.tensorflow, pytest.mark.slow]


@pytest.fixture(scope="module")
def result(tmp_path_factory, tiny_recipe, pictures):
    from training.train import train

    recipe = replace(
        tiny_recipe,
        head=Head(pooling="average"),
        stages=(),
        svm=Svm(costs=(0.1, 1.0)),
        augmentation=Augmentation(),
    )
    return train(plan_in(tmp_path_factory.mktemp("svm"), pictures, recipe), progress=False)


def test_its_answers_are_those_scikit_learn_gives_on_the_features(result, pictures):
    import csv

    import keras
    from sklearn.svm import LinearSVC

    from contract.image import decode
    from training.exported_model import ExportedModel

    extra = result.version / "assets.extra"
    with (extra / "split.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    network = keras.saving.load_model(extra / "model.keras", compile=False)
    features_of = keras.Model(network.inputs[0], network.get_layer("features").output)
    with ExportedModel(result.version) as model:
        spec, labels = model.manifest.image, model.manifest.labels
        pixels = np.stack([decode((pictures / row["path"]).read_bytes(), spec) for row in rows])
        probabilities = np.concatenate([model.predict(pixels[n : n + 20]) for n in range(0, len(rows), 20)])

    features = np.asarray(features_of(pixels, training=False))
    named = np.array([row["label"] for row in rows])
    train = np.array([row["split"] == "train" for row in rows])
    norm = np.sqrt((features[train].astype(np.float64) ** 2).sum(axis=1).mean())
    report = (result.folder / "report.json").read_text("utf-8")
    reference = LinearSVC(C=_cost(report), fit_intercept=False, max_iter=100_000, random_state=0)
    reference.fit(features[train] / norm, named[train])

    expected = reference.predict(features / norm)
    assert set(expected) == set(labels)
    assert [labels[index] for index in probabilities.argmax(axis=1)] == list(expected)
    assert network.get_layer("logits").use_bias is False
    assert probabilities.sum(axis=1) == pytest.approx(1, abs=1e-5)


def _cost(report):
    import json

    return json.loads(report)["svm"]["cost"]


def test_it_has_no_epochs_and_a_report_all_the_same(result):
    assert (result.folder / "history.csv").read_text("utf-8") == ""
    assert (result.folder / "report.html").exists()
    assert 0.25 <= result.calibration.temperature <= 10


def test_its_probabilities_are_calibrated_on_images_it_was_not_fitted_on(result):
    """All of the training images, by cross-validation."""
    assert result.calibration.images == 42
