from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from contract.image_spec import ImageSpec
from training.errors import RecipeError, WeightsError
from training.recipe import Head
from training.recipe_files import load_recipe

pytestmark = pytest.mark.tensorflow

HEAD = Head(pooling="average")
SHARED_WEIGHTS = Path(__file__).resolve().parents[3] / "shared" / "weights"


def _lite0(*, side=64, weights="imagenet"):
    recipe = load_recipe("efficientnet-lite0-linear")
    return replace(recipe, image=ImageSpec(height=side, width=side), weights=weights)


@pytest.mark.parametrize("scaling", ["1/255", "tf", "lite", "torch", "caffe", "none"])
def test_scaling_equals_the_reference(scaling):
    import keras

    from training.scaling import scaled

    pixels = np.random.default_rng(0).integers(0, 256, (2, 4, 5, 3)).astype(np.uint8)
    images = keras.Input((4, 5, 3), dtype="uint8")
    model = keras.Model(images, scaled(images, scaling))
    reference = {"1/255": lambda x: x / 255, "lite": lambda x: (x - 127) / 128, "none": lambda x: x}.get(
        scaling,
        lambda x: keras.applications.imagenet_utils.preprocess_input(x, "channels_last", scaling),
    )

    ours = np.asarray(model(pixels))

    assert ours == pytest.approx(reference(pixels.astype(np.float32)), abs=1e-4)


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


@pytest.mark.slow
@pytest.mark.parametrize(("network", "side"), [("Xception", 75), ("MobileNetV3Small", 64)])
def test_weights_of_a_saved_file_reach_layers_without_a_name_of_their_own(tmp_path, network, side):
    """Xception's shortcuts are called `conv2d_7` by one build and `conv2d_11` by the next."""
    import keras

    from training.networks import build_classifier

    path = str(tmp_path / "saved.weights.h5")
    own = getattr(keras.applications, network)(
        include_top=False, weights=None, input_shape=(side, side, 3), pooling="avg"
    )
    own.save_weights(path)
    recipe = replace(
        _lite0(side=side, weights=path), network=network, scaling="none", adapter="gray", head=HEAD
    )

    classifier = build_classifier(recipe, classes=2)

    mine = [w for name in classifier.backbone for w in classifier.model.get_layer(name).get_weights()]
    assert all(np.array_equal(one, other) for one, other in zip(mine, own.get_weights(), strict=True))
    assert "adapter_conv" not in classifier.backbone


@pytest.mark.slow
def test_what_a_normalisation_derives_from_its_weights_follows_them(tmp_path):
    """EfficientNet subtracts ImageNet's mean inside, from weights Keras copies when they are loaded."""
    import keras

    from training.networks import build_classifier

    path = str(tmp_path / "saved.weights.h5")
    own = keras.applications.EfficientNetB0(
        include_top=False, weights=None, input_shape=(32, 32, 3), pooling="avg"
    )
    own.get_layer(index=2).set_weights([np.array([0.4, 0.5, 0.6]), np.array([0.1, 0.2, 0.3]), np.array(0)])
    own.get_layer(index=2).finalize_state()
    own.save_weights(path)
    recipe = replace(_lite0(side=32, weights=path), network="EfficientNetB0", scaling="none", head=HEAD)
    pixels = np.random.default_rng(0).integers(0, 256, (2, 32, 32, 3)).astype(np.uint8)

    classifier = build_classifier(recipe, classes=2)

    expected = np.asarray(own(pixels.astype(np.float32), training=False))
    assert np.asarray(classifier.features(pixels, training=False)) == pytest.approx(expected, abs=1e-5)


def test_a_rescaling_after_the_normalisation_goes_into_it():
    """Of EfficientNet with Keras's own ImageNet weights, and of no other."""
    import keras

    from training.keras_applications import _rescaled, set_weights

    inputs = keras.Input((4, 4, 3))
    normalised = keras.layers.Normalization(mean=[1.0, 2.0, 3.0], variance=[1.0, 4.0, 9.0])
    theirs = keras.Model(inputs, keras.layers.Rescaling([2.0, 3.0, 4.0])(normalised(inputs)))
    adapted = keras.layers.Normalization()
    adapted.build((None, 4, 4, 3))
    source = keras.layers.Normalization()
    network = keras.Model(inputs, keras.layers.Rescaling([2.0, 3.0, 4.0])(source(inputs)))
    set_weights(source, [np.array([1.0, 2, 3]), np.array([1.0, 4, 9]), np.array(0)])

    set_weights(adapted, _rescaled(source, network))

    pixels = np.random.default_rng(0).random((1, 4, 4, 3))
    assert np.asarray(adapted(pixels)) == pytest.approx(np.asarray(theirs(pixels)), abs=1e-5)


def test_the_gray_adapter_shows_the_network_no_colour():
    from training.networks import build_classifier

    recipe = replace(_lite0(weights="none"), network="cnn3", adapter="gray", scaling="1/255")
    model = build_classifier(recipe, classes=3).model
    rng = np.random.default_rng(0)
    pixels = rng.integers(0, 256, (2, 64, 64, 3)).astype(np.float32)
    luma = pixels @ np.array([0.299, 0.587, 0.114], np.float32)  # ITU-R BT.601
    gray = np.repeat(luma[..., None].round(), 3, axis=-1).astype(np.uint8)

    colour_logits, gray_logits = (
        np.asarray(model(images, training=False)) for images in (pixels.astype(np.uint8), gray)
    )

    assert colour_logits == pytest.approx(gray_logits, abs=1e-3)
    assert model.get_layer("adapter_conv").kernel.shape == (3, 3, 1, 3)


def test_the_adapter_is_learnt_however_much_of_the_network_is_frozen():
    from training.networks import build_classifier
    from training.stage import freeze

    recipe = replace(_lite0(weights="none"), network="VGG16", adapter="gray", head=HEAD)
    stage = replace(recipe.stages[0], frozen=15)
    classifier = build_classifier(recipe, classes=2)

    freeze(classifier, stage)

    fitted = {layer.name for layer in classifier.model.layers if layer.trainable and layer.weights}
    blocks = {f"block5_conv{number}" for number in (1, 2, 3)}
    assert fitted == {"adapter_conv", "adapter_bn", "logits"} | blocks


def test_a_network_may_end_early():
    from training.networks import build_classifier

    recipe = replace(_lite0(weights="none"), network="VGG16", last_layer="block3_pool", head=HEAD)

    classifier = build_classifier(recipe, classes=2)

    assert classifier.features.output.shape == (None, 256)
    assert classifier.backbone[-1] == "block3_pool"


@pytest.mark.parametrize("layer", ["block9_pool", "images", "logits"])
def test_a_last_layer_the_network_has_no_maps_of_is_refused(layer):
    from training.networks import build_classifier

    recipe = replace(_lite0(weights="none"), network="VGG16", last_layer=layer, head=HEAD)

    with pytest.raises(RecipeError, match=f"VGG16 has no maps '{layer}'"):
        build_classifier(recipe, classes=2)


@pytest.mark.parametrize(
    "changes",
    [
        {"network": "VGG16", "scaling": "caffe", "adapter": "gray"},
        {"network": "VGG16", "scaling": "none", "last_layer": "block2_pool"},
        {"network": "EfficientNetB0", "scaling": "expected"},
        {"network": "MobileNetV3Small", "scaling": "tf"},
        {"network": "efficientnet-lite0", "scaling": "expected", "last_layer": "block2_project_bn"},
        {"network": "cnn4", "scaling": "torch"},
    ],
)
def test_the_keras_file_opens_without_this_project(tmp_path, changes):
    """Every layer is one of Keras's own, and its safe mode is on."""
    import keras

    from training.networks import build_classifier

    side = 96
    recipe = replace(_lite0(weights="none"), image=ImageSpec(height=side, width=side), head=HEAD, **changes)
    model = build_classifier(recipe, classes=3).model
    pixels = np.random.default_rng(0).integers(0, 256, (2, side, side, 3)).astype(np.uint8)

    model.save(tmp_path / "model.keras")

    opened = keras.saving.load_model(tmp_path / "model.keras", compile=False)
    assert {type(layer).__module__.split(".")[0] for layer in opened.layers} == {"keras"}
    assert np.asarray(opened(pixels)) == pytest.approx(np.asarray(model(pixels, training=False)), abs=1e-4)
