"""Memory does not grow with the number of images: they, and their features, stay on the disk."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

pytestmark = [pytest.mark.tensorflow, pytest.mark.slow]

MEGABYTE = 1_000_000
# What the allocator and TensorFlow keep for themselves from one epoch to the next. The features of 10,000
# images take 92 MB, those of 100,000 take 922 MB.
ALLOWANCE = 60 * MEGABYTE

FIT = """
import json, pathlib, sys
import keras
import numpy as np

from contract.image_spec import ImageSpec
from training.disk import new_disk_array
from training.features import FeatureCache
from training.fit import fit
from training.networks import Classifier
from training.observer import Observer
from training.recipe import Head, Recipe, Stage
from training.samples import Samples

folder, count = pathlib.Path(sys.argv[1]), int(sys.argv[2])

def anonymous(_=None):
    text = pathlib.Path("/proc/self/status").read_text()
    return next(int(line.split()[1]) * 1024 for line in text.splitlines() if line.startswith("RssAnon"))

def samples(name, count):
    pixels = new_disk_array(folder / name, (count, 16, 16, 3), np.uint8)
    for start in range(0, count, 1000):
        rng = np.random.default_rng(start)
        pixels[start : start + 1000] = rng.integers(0, 256, pixels[start : start + 1000].shape)
    pixels.flush()
    mapped = np.load(folder / name, mmap_mode="r")
    return Samples(values=mapped, rows=np.arange(count), labels=np.arange(count) % 2)

images = keras.Input((16, 16, 3), dtype="uint8")
x = keras.layers.Rescaling(1 / 255)(images)
x = keras.layers.Conv2D(64, 5, strides=2, activation="relu", name="conv")(x)
x = keras.layers.Flatten(name="features")(x)
model = keras.Model(images, keras.layers.Dense(2, name="logits")(x))
stage = Stage(frozen="all", optimizer="adam", rate=0.001, epochs=2, batch_size=250)
recipe = Recipe(name="small", network="cnn3", weights="none", head=Head(pooling="flatten"), stages=(stage,))
seen = []
fit(
    Classifier(model=model, backbone=("conv",)),
    recipe,
    samples={"train": samples("train.npy", count), "validation": samples("validation.npy", 500)},
    seed=0,
    cache=FeatureCache(folder=folder / "cache"),
    observer=Observer(epoch=lambda row: seen.append(anonymous())),
)
features = max(path.stat().st_size for path in (folder / "cache").iterdir())
print(json.dumps({"anonymous": max(seen), "features": features}))
"""


@pytest.fixture
def many(request):
    return 100_000 if request.config.getoption("--prove") else 10_000


def _fit(folder, count):
    folder.mkdir()
    command = [sys.executable, "-c", FIT, str(folder), str(count)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads(done.stdout.splitlines()[-1])


@pytest.mark.timeout(900)
def test_many_images_take_no_more_memory_than_few(tmp_path, many):
    few_images, many_images = _fit(tmp_path / "few", 2_000), _fit(tmp_path / "many", many)

    assert many_images["anonymous"] - few_images["anonymous"] < ALLOWANCE
    assert many_images["features"] - few_images["features"] > ALLOWANCE
