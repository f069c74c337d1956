"""Memory that does not suffice is one clear line, whatever was being computed."""

from __future__ import annotations

import numpy as np
import pytest

from tests.training.small_fits import fitted, misleading
from training.errors import OutOfMemoryError
from training.features import Copies, FeatureCache, cached_features
from training.inference import infer
from training.recipe import Augmentation
from training.samples import Samples
from training.seeds import EpochSeed

pytestmark = pytest.mark.tensorflow


@pytest.fixture
def too_little(monkeypatch):
    """Whatever is computed, by a graph or by Keras's fit."""
    import keras
    import tensorflow as tf

    def refuse(*_args, **_options):
        raise tf.errors.ResourceExhaustedError(None, None, "OOM when allocating\n  a page of text")

    monkeypatch.setattr(tf, "function", lambda *_args, **_options: refuse)
    monkeypatch.setattr(keras.Model, "fit", refuse)


def _network():
    import keras

    images = keras.Input((4, 4, 3), dtype="uint8")
    return keras.Model(images, keras.layers.Rescaling(1 / 255)(images))


def _samples():
    return Samples(values=np.zeros((3, 4, 4, 3), np.uint8), rows=np.arange(3), labels=np.zeros(3, np.int64))


@pytest.mark.usefixtures("too_little")
def test_of_an_inference():
    with pytest.raises(
        OutOfMemoryError, match=r"^out of memory with batches of 32: the device has too little"
    ):
        infer(_network(), _samples(), description="", progress=False)


@pytest.mark.usefixtures("too_little")
def test_of_frozen_layers(tmp_path):
    copies = Copies(augmentation=Augmentation(), epoch_seed=EpochSeed(seed=0, stage=0, epoch=0))
    cache = FeatureCache(folder=tmp_path)

    with pytest.raises(OutOfMemoryError, match="batches of 32"):
        cached_features(cache, _network(), _samples(), copies=copies, progress=False)


@pytest.mark.usefixtures("too_little")
def test_of_a_fit(tiny_recipe, tmp_path):
    with pytest.raises(OutOfMemoryError, match="out of memory with batches of 8: choose smaller ones"):
        fitted(tiny_recipe, misleading(), tmp_path)
