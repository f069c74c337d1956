from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from contract.image_spec import ImageSpec
from training.errors import WeightsError
from training.recipe import Head
from training.recipe_files import load_recipe

pytestmark = pytest.mark.tensorflow

SHARED_WEIGHTS = Path(__file__).resolve().parents[3] / "shared" / "weights"


def _lite0(*, side=64, weights="imagenet"):
    recipe = load_recipe("efficientnet-lite0-linear")
    return replace(recipe, image=ImageSpec(height=side, width=side), weights=weights)


@pytest.mark.parametrize("scaling", ["1/255", "tf", "lite", "torch", "caffe"])
def test_scaling_equals_the_reference(scaling):
    import keras

    from training.scaling import scaled

    pixels = np.random.default_rng(0).integers(0, 256, (2, 4, 5, 3)).astype(np.uint8)
    images = keras.Input((4, 5, 3), dtype="uint8")
    model = keras.Model(images, scaled(images, scaling))
    reference = {"1/255": lambda x: x / 255, "lite": lambda x: (x - 127) / 128}.get(
        scaling,
        lambda x: keras.applications.imagenet_utils.preprocess_input(x, "channels_last", scaling),
    )

    ours = np.asarray(model(pixels))

    assert ours == pytest.approx(reference(pixels.astype(np.float32)), abs=1e-4)


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


def test_a_missing_weights_file_is_refused_before_anything_is_built(tmp_path):
    from training.networks import check_weights

    for network in ("efficientnet-lite0", "VGG16"):
        recipe = replace(_lite0(), network=network, weights=str(tmp_path / "absent.pth"))
        with pytest.raises(WeightsError, match="no weights file at"):
            check_weights(recipe)


def test_cnn3_knows_no_published_weights():
    from training.networks import check_weights

    with pytest.raises(WeightsError, match="--weights none"):
        check_weights(replace(load_recipe("cnn3"), weights="imagenet"))


def test_a_file_of_another_network_is_refused(tmp_path):
    import keras

    from training.networks import build_classifier

    path = tmp_path / "other.weights.h5"
    keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)]).save_weights(path)

    for network in ("efficientnet-lite0", "MobileNetV2"):
        recipe = replace(_lite0(weights=str(path)), network=network)
        with pytest.raises(WeightsError, match=r"other\.weights\.h5"):
            build_classifier(recipe, classes=2)


@pytest.mark.shared
@pytest.mark.skipif(not SHARED_WEIGHTS.exists(), reason="needs the maintainers' weights")
def test_an_application_takes_the_weights_of_a_saved_file():
    import keras

    from training.networks import build_classifier

    path = str(SHARED_WEIGHTS / "mobilenet_v2_imagenet_notop.weights.h5")
    recipe = replace(_lite0(weights=path), network="MobileNetV2", scaling="tf", head=Head(pooling="average"))
    pixels = np.random.default_rng(0).integers(0, 256, (1, 64, 64, 3)).astype(np.uint8)
    own = keras.applications.MobileNetV2(
        include_top=False, weights=path, input_shape=(64, 64, 3), pooling="avg"
    )

    classifier = build_classifier(recipe, classes=2)

    expected = np.asarray(own(pixels / np.float32(127.5) - 1, training=False))
    assert np.asarray(classifier.features(pixels, training=False)) == pytest.approx(expected, abs=1e-3)
