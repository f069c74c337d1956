"""EfficientNet-Lite0 is the published network, with its published weights."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from contract.image_spec import ImageSpec
from training.recipe import Head
from training.recipe_files import load_recipe

pytestmark = pytest.mark.tensorflow

HEAD = Head(pooling="average")
SHARED_WEIGHTS = Path(__file__).resolve().parents[3] / "shared" / "weights"


def _lite0(*, side=64, weights="imagenet"):
    recipe = load_recipe("efficientnet-lite0-linear")
    return replace(recipe, image=ImageSpec(height=side, width=side), weights=weights)


def test_lite0_has_the_published_number_of_weights_and_feature_sizes():
    from training.networks import build_classifier

    classifier = build_classifier(_lite0(weights="none"), classes=3)

    # 4,652,008 of the package less its 1000-way head, and two moving statistics beside each scale and offset.
    assert classifier.features.count_params() == 4_652_008 - 1_281_000 + 2 * 21_008
    assert classifier.features.output.shape == (None, 1280)
    assert classifier.model.get_layer("top_relu6").output.shape == (None, 2, 2, 1280)


def test_lite0_with_its_weights_names_a_picture_as_the_whole_imagenet_network_does():
    """Its own 1000-way head on our features: a plain disc of orange is a fruit or a ball."""
    from training.efficientnet_lite0 import imagenet_checkpoint
    from training.networks import build_classifier
    from training.torch_checkpoint import read_checkpoint

    classifier = build_classifier(_lite0(side=224), classes=2)
    head = read_checkpoint(imagenet_checkpoint())
    rows, columns = np.mgrid[0:224, 0:224]
    disc = ((rows - 112) ** 2 + (columns - 112) ** 2 < 70**2)[..., None]
    image = np.where(disc, (250, 140, 10), (255, 255, 255)).astype(np.uint8)

    features = np.asarray(classifier.features(image[None], training=False))
    scores = features @ head["_fc.weight"].T + head["_fc.bias"]

    assert np.isfinite(features).all()
    assert 0 <= features.min() <= features.max() <= 6
    assert set(np.argsort(-scores[0])[:5]) & {950, 951, 722, 852, 417, 574}  # orange, lemon, balls, balloon


def _reference_lite0(images):
    """Pooled features [N, 1280] straight from the checkpoint, with no layer of ours or of Keras.

    The architecture is written down a second time on purpose.
    """
    import tensorflow as tf

    from training.efficientnet_lite0 import imagenet_checkpoint
    from training.torch_checkpoint import read_checkpoint

    state = read_checkpoint(imagenet_checkpoint())

    def normalised(x, name):
        mean, variance = state[f"{name}.running_mean"], state[f"{name}.running_var"]
        return (x - mean) / np.sqrt(variance + 0.001) * state[f"{name}.weight"] + state[f"{name}.bias"]

    def convolved(x, name, stride=1):
        kernel = np.einsum("oihw->hwio", state[f"{name}.weight"])
        return tf.nn.conv2d(x, kernel, stride, "SAME").numpy()

    def convolved_by_channel(x, name, stride):
        kernel = np.einsum("cmhw->hwcm", state[f"{name}.weight"])
        return tf.nn.depthwise_conv2d(x, kernel, [1, stride, stride, 1], "SAME").numpy()

    def relu6(x):
        return np.clip(x, 0, 6)

    x = relu6(normalised(convolved((images - np.float32(127)) / 128, "_conv_stem", 2), "_bn0"))
    strides = [1, 2, 1, 2, 1, 2, 1, 1, 1, 1, 1, 2, 1, 1, 1, 1]
    for number, stride in enumerate(strides):
        block, y = f"_blocks.{number}", x
        if number > 0:
            y = relu6(normalised(convolved(y, f"{block}._expand_conv"), f"{block}._bn0"))
        y = relu6(normalised(convolved_by_channel(y, f"{block}._depthwise_conv", stride), f"{block}._bn1"))
        y = normalised(convolved(y, f"{block}._project_conv"), f"{block}._bn2")
        x = x + y if x.shape == y.shape else y
    return relu6(normalised(convolved(x, "_conv_head"), "_bn1")).mean(axis=(1, 2))


def test_lite0_features_are_those_of_an_independent_forward_pass():
    """Pins epsilon, activation, kernel orientation, padding and scaling."""
    from training.networks import build_classifier

    rows, columns = np.mgrid[0:96, 0:96]
    disc = np.where(((rows - 40) ** 2 + (columns - 60) ** 2 < 900)[..., None], (250, 140, 10), (90, 120, 200))
    noise = np.random.default_rng(0).integers(0, 256, (96, 96, 3))
    images = np.stack([disc, noise]).astype(np.uint8)

    features = np.asarray(build_classifier(_lite0(side=96), classes=2).features(images, training=False))

    assert features == pytest.approx(_reference_lite0(images), abs=1e-3)
