"""One fit on two devices, which must be set up before TensorFlow begins: in a process of its own."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from training.errors import StrategyError

from .plans import plan_in

pytestmark = [pytest.mark.tensorflow, pytest.mark.slow]

FIT_ON_TWO_DEVICES = """
import json, pathlib, sys
from dataclasses import replace
import keras
import numpy as np
import tensorflow as tf

[processor] = tf.config.list_physical_devices("CPU")
tf.config.set_logical_device_configuration(processor, [tf.config.LogicalDeviceConfiguration()] * 2)

from contract.image_spec import ImageSpec
from tests.training.small_fits import splits
from training.features import FeatureCache
from training.fit import fit
from training.inference import infer
from training.networks import build_classifier
from training.observer import Observer
from training.recipe import Head, Recipe, Stage
from training.strategy import strategy_scope

stage = Stage(frozen=3, optimizer="sgd", rate=0.05, epochs=2, batch_size=8, keep="best")
recipe = Recipe(
    name="two",
    network="cnn3",
    weights="none",
    image=ImageSpec(height=32, width=32),
    head=Head(pooling="average", hidden=(8,)),
    stages=(stage, replace(stage, frozen="none")),
)

def fitted(scope, count, recipe):
    keras.utils.set_random_seed(0)
    with scope():
        classifier = build_classifier(recipe, classes=3)
    cache = FeatureCache(folder=pathlib.Path(sys.argv[1]))
    samples = splits(count, 8)
    rows = fit(
        classifier, recipe, samples=samples, seed=0, cache=cache, observer=Observer(), scope=scope
    ).history
    answers = infer(classifier.model, samples["validation"], description="", progress=False)
    return [row["loss"] for row in rows], classifier.model.get_weights(), answers

single, mirrored = strategy_scope("single"), strategy_scope("mirrored")  # a process has one of each
results = {}
for count in (30, 33):  # a smaller last batch; a last one of a single image
    losses, weights, answers = fitted(single, count, recipe)
    shared_losses, shared_weights, shared_answers = fitted(mirrored, count, recipe)
    apart = [float(np.abs(a - b).max()) for a, b in zip(weights, shared_weights, strict=True)]
    results[count] = {
        "losses": losses,
        "shared_losses": shared_losses,
        "weights_apart": max(apart),
        "answers_apart": float(np.abs(answers - shared_answers).max()),
        "spread": float(np.ptp(answers)),
    }
head, change = replace(recipe.head, dropout=0.5), replace(recipe.augmentation, flip=True, zoom=0.1)
eventful = replace(recipe, head=head, augmentation=change)
results["eventful"] = {"shared_losses": fitted(mirrored, 33, eventful)[0]}
print(json.dumps(results))
"""


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    command = [sys.executable, "-c", FIT_ON_TWO_DEVICES, str(tmp_path_factory.mktemp("cache"))]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads(done.stdout.splitlines()[-1])


@pytest.mark.parametrize("count", ["30", "33"])
def test_two_devices_fit_as_one_does(results, count):
    """Every batch can be shared out evenly, or is a single image that both devices have."""
    result = results[count]

    assert result["shared_losses"] == pytest.approx(result["losses"], rel=0.05)
    assert result["weights_apart"] < 1e-4
    assert result["answers_apart"] < 1e-3
    assert result["spread"] > 0.05


@pytest.mark.parametrize("run", ["30", "33", "eventful"])
def test_two_devices_learn(results, run):
    losses = results[run]["shared_losses"]

    assert all(0 < loss < 10 for loss in losses)
    assert losses[-1] < losses[0]


def test_several_hosts_are_refused_in_one_clear_line(tiny_recipe, tmp_path):
    from training.train import train

    with pytest.raises(StrategyError, match=r"keras-team/keras#20585.*choose --strategy mirrored") as caught:
        train(plan_in(tmp_path, tmp_path / "none", tiny_recipe, strategy="multi-worker"))

    assert "\n" not in str(caught.value)
    assert not list(tmp_path.rglob("*.*"))
