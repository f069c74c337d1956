"""A fit is Keras's own; what is added ends it, keeps the best of it, or spares it work."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from contract.image_spec import ImageSpec
from training.errors import FitError, RecipeError
from training.recipe import Augmentation, Head, Recipe, Stage

from .small_fits import built, coloured, fitted, misleading, same, splits, weights_of, with_stage

pytestmark = [pytest.mark.tensorflow, pytest.mark.slow]


@pytest.mark.parametrize(
    "augmentation",
    [
        Augmentation(shear=0.3),
        Augmentation(zoom=0.4),
        Augmentation(rotation=0.2),
        Augmentation(flip=True),
    ],
)
def test_augmentation_changes_pixels_while_fitting_and_at_no_other_time(augmentation):
    import keras

    from training.augment import augmented

    images = keras.Input((32, 32, 3), dtype="uint8")
    model = keras.Model(images, augmented(images, augmentation))
    pixels = coloured(16, seed=2).values

    assert np.array_equal(np.asarray(model(pixels, training=False)), pixels)
    changed = np.asarray(model(pixels, training=True))
    assert not np.array_equal(changed, pixels)
    assert 0 <= changed.min() < changed.max() <= 255
    assert changed.dtype == np.uint8


def test_patience_ends_on_the_weights_of_the_smallest_validation_loss(tiny_recipe, tmp_path):
    import keras

    samples = misleading()

    classifier, history = fitted(
        with_stage(tiny_recipe, epochs=30, patience=4, keep="best"), samples, tmp_path
    )

    losses = [row["val_loss"] for row in history]
    logits = classifier.model(samples["validation"].values, training=False)
    entropy = keras.losses.sparse_categorical_crossentropy(
        samples["validation"].labels, logits, from_logits=True
    )
    assert losses[-1] > min(losses) + 0.01
    assert len(losses) == np.argmin(losses) + 1 + 4
    assert float(np.mean(entropy)) == pytest.approx(min(losses), rel=1e-4)


def test_a_loss_that_is_no_number_ends_the_fit(tiny_recipe, tmp_path):
    with pytest.raises(FitError, match="loss is not a number after epoch 1: choose a smaller rate"):
        fitted(with_stage(tiny_recipe, optimizer="sgd", rate=1e30, epochs=5), misleading(), tmp_path)


def _plain_keras(model, stage, samples, *, seed):
    """What Keras's own `fit` makes of the same first weights and the same order of images."""
    import keras

    from training.batches import shuffled_in_blocks
    from training.seeds import EpochSeed

    if stage.optimizer == "sgd":
        optimizer = keras.optimizers.SGD(stage.rate, momentum=stage.momentum)
    else:
        optimizer = keras.optimizers.Adam(stage.rate)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(optimizer, loss, jit_compile=False)
    train = samples["train"]
    for epoch in range(stage.epochs):
        rng = EpochSeed(seed=seed, stage=0, epoch=epoch).rng("order")
        order = shuffled_in_blocks(len(train), rng, block=len(train))
        pixels, labels = train.values[order], train.labels[order]
        model.fit(pixels, labels, batch_size=stage.batch_size, shuffle=False, verbose=0)
    return [np.array(weight) for weight in model.get_weights()]


def _recipe(**changes):
    stage = Stage(
        frozen="none", optimizer="sgd", rate=0.05, momentum=0.9, epochs=4, batch_size=8, keep="last"
    )
    return Recipe(
        name="plain",
        network="cnn3",
        weights="none",
        image=ImageSpec(height=32, width=32),
        head=Head(pooling="average", hidden=(8,)),
        stages=(replace(stage, **changes),),
    )


def _with_batch_normalisation():
    """Frozen: two convolutions with batch normalisation that has seen something."""
    import keras

    from training.networks import Classifier

    keras.utils.set_random_seed(0)
    images = keras.Input((32, 32, 3), dtype="uint8")
    x = keras.layers.Rescaling(1 / 255)(images)
    for number in (1, 2, 3):
        x = keras.layers.Conv2D(8, 3, strides=2, name=f"conv{number}")(x)
        x = keras.layers.BatchNormalization(name=f"bn{number}")(x)
        x = keras.layers.ReLU(name=f"relu{number}")(x)
    x = keras.layers.GlobalAveragePooling2D(name="features")(x)
    model = keras.Model(images, keras.layers.Dense(3, name="logits")(x))
    rng = np.random.default_rng(0)
    for number in (1, 2, 3):
        model.get_layer(f"bn{number}").set_weights(list(rng.uniform(0.5, 1.5, (4, 8))))
    names = tuple(f"{kind}{number}" for number in (1, 2, 3) for kind in ("conv", "bn", "relu"))
    return Classifier(model=model, backbone=names)


def _assert_equal_to_plain_keras(classifier, recipe, samples, folder, *, tolerance):
    import keras

    from training.features import FeatureCache
    from training.fit import fit
    from training.observer import Observer
    from training.stage import frozen_layers

    frozen = frozen_layers(classifier, recipe.stages[0])
    plain = keras.models.clone_model(classifier.model)
    plain.set_weights(classifier.model.get_weights())
    for layer in plain.layers:
        layer.trainable = layer.name not in frozen
    first = weights_of(classifier)

    cache = FeatureCache(folder=folder)
    fit(classifier, recipe, samples=samples, seed=3, cache=cache, observer=Observer())
    expected = _plain_keras(plain, recipe.stages[0], samples, seed=3)

    assert list(folder.glob("features-*"))
    moved = 0
    for mine, other, before in zip(weights_of(classifier), expected, first, strict=True):
        assert mine == pytest.approx(other, abs=tolerance)
        moved += np.abs(mine - before).max() > 20 * tolerance
    assert 0 < moved < len(first)


@pytest.mark.parametrize("optimizer", ["sgd", "adam"])
def test_a_cached_fit_ends_on_the_weights_of_plain_keras(tmp_path, optimizer):
    """With batch normalisation on either side of the cut."""
    changes = (
        {"optimizer": "sgd"} if optimizer == "sgd" else {"optimizer": "adam", "rate": 0.01, "momentum": 0.0}
    )

    _assert_equal_to_plain_keras(
        _with_batch_normalisation(), _recipe(frozen=7, **changes), splits(27), tmp_path, tolerance=1e-4
    )


def test_vgg16_with_layers_up_to_15_frozen_ends_on_the_weights_of_plain_keras(tmp_path):
    from training.networks import build_classifier

    recipe = replace(_recipe(frozen=15, rate=0.01, epochs=2), network="VGG16", scaling="caffe")
    classifier = build_classifier(recipe, classes=3)

    _assert_equal_to_plain_keras(classifier, recipe, splits(18), tmp_path, tolerance=1e-5)


def test_batch_normalisation_before_the_cut_stays_in_inference_mode_when_pixels_change(tmp_path):
    """Nothing is kept then, and the frozen layers must not learn all the same."""
    from training.features import FeatureCache
    from training.fit import fit
    from training.observer import Observer

    classifier = _with_batch_normalisation()
    recipe = replace(_recipe(frozen=7), augmentation=Augmentation(flip=True))
    before = classifier.model.get_layer("bn2").get_weights()
    *_, later, _ = classifier.model.get_layer("bn3").get_weights()

    cache = FeatureCache(folder=tmp_path)
    fit(classifier, recipe, samples=splits(), seed=0, cache=cache, observer=Observer())

    assert same(before, classifier.model.get_layer("bn2").get_weights())
    *_, moving_mean, _ = classifier.model.get_layer("bn3").get_weights()
    assert not np.array_equal(later, moving_mean)


def test_the_rate_falls_along_half_a_cosine(tiny_recipe, tmp_path):
    _, history = fitted(with_stage(tiny_recipe, epochs=4, schedule="cosine", rate=0.01), splits(), tmp_path)

    rates = [row["learning_rate"] for row in history]
    assert rates == pytest.approx([0.01, 0.01 * (2 + 2**0.5) / 4, 0.005, 0.01 * (2 - 2**0.5) / 4])


def test_a_second_stage_begins_with_the_best_weights_of_the_first(tiny_recipe, tmp_path):
    """Its first epoch at no rate to speak of shows what it began with."""
    [stage] = tiny_recipe.stages
    first = replace(stage, epochs=12, keep="best")
    second = replace(stage, epochs=1, rate=1e-12, keep="last")
    recipe = replace(tiny_recipe, stages=(first, second))

    _, history = fitted(recipe, misleading(), tmp_path)

    losses = [row["val_loss"] for row in history if row["stage"] == 1]
    assert history[-1]["val_loss"] == pytest.approx(min(losses), rel=1e-5)
    assert losses[-1] > min(losses) + 0.01


def test_a_stage_that_freezes_more_layers_than_there_are_is_refused(tiny_recipe):
    from training.stage import check_stages

    recipe = with_stage(tiny_recipe, frozen=500)

    with pytest.raises(RecipeError, match=r"stages\[0\].frozen is 500, and cnn3 has 7 layers"):
        check_stages(built(recipe), recipe)
