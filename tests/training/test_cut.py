"""A network is cut where one tensor carries everything that comes later, and nowhere else."""

from __future__ import annotations

import numpy as np
import pytest

from contract.image_spec import ImageSpec
from training.recipe import Head, Recipe, Stage

pytestmark = pytest.mark.tensorflow


def _recipe(network, *, side=32, dropout=0.0, hidden=(), frozen="all"):
    stage = Stage(frozen=frozen, optimizer="adam", rate=0.001, epochs=1)
    return Recipe(
        name="cut",
        network=network,
        weights="none",
        image=ImageSpec(height=side, width=side),
        head=Head(pooling="average", hidden=hidden, dropout=dropout),
        stages=(stage,),
    )


def _cut(recipe):
    """The classifier, and where it is cut."""
    from training.cut import cut_frozen
    from training.networks import build_classifier
    from training.stage import frozen_layers

    classifier = build_classifier(recipe, classes=3)
    return classifier, cut_frozen(classifier.model, frozen_layers(classifier, recipe.stages[0]))


def test_vgg16_with_layers_up_to_15_frozen_is_cut_after_the_fourth_block():
    """As the authors write it: `for layer in vgg.layers[:15]: layer.trainable = False`."""
    import keras

    from training.stage import freeze

    recipe = _recipe("VGG16", frozen=15)
    authors = keras.applications.VGG16(include_top=False, weights=None)

    classifier, cut = _cut(recipe)
    freeze(classifier, recipe.stages[0])

    assert cut.layer == "block4_pool"
    fitted = {layer.name for layer in classifier.model.layers if layer.trainable and layer.weights}
    assert fitted == {layer.name for layer in authors.layers[15:] if layer.weights} | {"logits"}


@pytest.mark.parametrize("network", ["VGG16", "DenseNet121", "MobileNetV2", "cnn3", "efficientnet-lite0"])
def test_a_frozen_network_is_cut_after_its_pooled_features(network):
    _, cut = _cut(_recipe(network, side=64, hidden=(4,)))

    assert cut.layer == "features"
    assert cut.lower.output.shape == cut.upper.input.shape
    assert len(cut.upper.input.shape) == 2


@pytest.mark.parametrize(
    ("network", "last_frozen", "expected"),
    [
        ("DenseNet121", "conv3_block5_1_conv", "conv3_block4_concat"),  # beside what is concatenated later
        ("DenseNet121", "pool3_conv", "pool3_pool"),  # between two blocks; without weights, so never fitted
        ("MobileNetV2", "block_5_expand_BN", "block_4_add"),  # beside a shortcut
        ("MobileNetV2", "block_3_project", "block_3_project"),  # a block without one
    ],
)
def test_inside_branches_the_cut_comes_at_the_last_tensor_before_them(network, last_frozen, expected):
    import keras

    from training.networks import build_classifier

    names = build_classifier(_recipe(network, side=64), classes=2).backbone
    theirs = getattr(keras.applications, network)(weights=None, include_top=False).layers

    _, cut = _cut(_recipe(network, side=64, frozen=names.index(last_frozen) + 2))

    assert cut.layer == expected
    for number, layer in enumerate(theirs):  # so a number means what it means in keras.applications
        assert not layer.weights or names[number - 1] == layer.name


def test_dropout_is_never_before_the_cut():
    classifier, cut = _cut(_recipe("cnn3", dropout=0.5))

    assert "dropout" in [layer.name for layer in cut.upper.layers]
    assert "dropout" not in [layer.name for layer in cut.lower.layers]
    assert classifier.model.get_layer("dropout").rate == 0.5


@pytest.mark.parametrize(
    ("frozen", "expected"), [({"first", "second"}, "first"), ({"first", "dropout", "second"}, "flatten")]
)
def test_dropout_inside_a_network_runs_once_only_if_it_is_frozen(frozen, expected):
    import keras

    from training.cut import cut_frozen

    images = keras.Input((8, 8, 3))
    x = keras.layers.Conv2D(2, 3, name="first")(images)
    x = keras.layers.Dropout(0.2, name="dropout")(x)
    x = keras.layers.Conv2D(2, 3, name="second")(x)
    x = keras.layers.Flatten(name="flatten")(x)
    model = keras.Model(images, keras.layers.Dense(2)(x))

    assert cut_frozen(model, frozen).layer == expected


def test_nothing_frozen_is_not_cut():
    _, cut = _cut(_recipe("cnn3", frozen="none"))

    assert cut is None


def test_a_layer_without_weights_alone_is_not_worth_a_cut():
    """Frozen up to the input: scaling would be all that runs once."""
    _, cut = _cut(_recipe("cnn3", frozen=1))

    assert cut is None


@pytest.mark.parametrize(("network", "frozen"), [("VGG16", 15), ("DenseNet121", 60), ("MobileNetV2", 50)])
def test_the_lower_part_and_then_the_upper_are_the_whole(network, frozen):
    classifier, cut = _cut(_recipe(network, frozen=frozen))
    pixels = np.random.default_rng(0).integers(0, 256, (2, 32, 32, 3)).astype(np.uint8)

    both = cut.upper(cut.lower(pixels, training=False), training=False)

    assert len(cut.lower.weights) > 0
    assert len(cut.lower.weights) + len(cut.upper.weights) == len(classifier.model.weights)
    assert np.asarray(both) == pytest.approx(np.asarray(classifier.model(pixels, training=False)), abs=1e-5)
