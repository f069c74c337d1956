from __future__ import annotations

import numpy as np
import pytest

pytestmark = pytest.mark.tensorflow

SIZE = (16, 16)


def _draw(target, **settings):
    from training.filters.ascent import Ascent, draw

    return draw(target, SIZE, Ascent(**{"steps": 30} | settings), progress=False)


def _filters(units, **convolution):
    from training.filters.target import filters_of

    from .networks import colour_network

    return filters_of(colour_network(**convolution), "colours", units)


@pytest.mark.parametrize("scaling", ["1/255", "caffe", "lite"])
def test_the_picture_of_a_filter_has_the_colour_it_answers_to(scaling):
    from training.filters.target import filters_of

    from .networks import colour_network

    drawn = _draw(filters_of(colour_network(scaling), "colours", [0, 1, 2]))

    assert [picture.title for picture in drawn] == ["0", "1", "2"]
    assert [picture.picture.mean(axis=(0, 1)).argmax() for picture in drawn] == [0, 1, 2]
    assert all(0 <= p.picture.min() <= p.picture.max() <= 255 for p in drawn)


def test_the_picture_of_a_class_has_its_colour():
    from training.filters.target import classes_of

    from .networks import colour_network

    drawn = _draw(classes_of(colour_network(), ["green", "blue"]))

    assert [picture.title for picture in drawn] == ["green", "blue"]
    assert [picture.picture.mean(axis=(0, 1)).argmax() for picture in drawn] == [1, 2]


def test_a_seed_repeats_a_picture_and_another_does_not():
    first, again, other = (_draw(_filters([1]), seed=seed)[0].picture for seed in (4, 4, 5))

    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


def test_a_picture_does_not_depend_on_the_others_drawn_with_it():
    together = _draw(_filters([0, 1, 2]))[2].picture

    assert _draw(_filters([2]))[0].picture == pytest.approx(together, abs=0.5)


def test_total_variation_makes_a_picture_smoother():
    rough, smooth = (_draw(_filters([0]), tv=tv)[0].picture for tv in (0.0, 100.0))

    assert np.abs(np.diff(smooth, axis=0)).mean() < 0.7 * np.abs(np.diff(rough, axis=0)).mean()


def test_a_filter_whose_regularisers_diverge_is_drawn_without_them_and_says_so():
    drawn = _draw(_filters([0, 1]), tv=3e38)

    assert [picture.remark for picture in drawn] == ["drawn without regularisers"] * 2
    assert [picture.picture.mean(axis=(0, 1)).argmax() for picture in drawn] == [0, 1]


def test_what_is_never_finite_is_left_gray_and_says_so():
    from training.filters.target import filters_of

    from .networks import colour_network, set_kernel

    network = colour_network()
    set_kernel(network.model, "colours", np.full((3, 3), np.nan))

    (broken,) = _draw(filters_of(network, "colours", [0]))

    assert broken.remark == "left blank: it diverged at every attempt"
    assert (broken.picture == 128).all()


def test_a_size_that_the_head_cannot_take_is_one_clear_line():
    import keras

    from training.filters.errors import TargetError
    from training.filters.target import classes_of

    from .networks import SIDE, network_of

    images = keras.Input((SIDE, SIDE, 3), dtype="uint8")
    x = keras.layers.Flatten()(keras.layers.Rescaling(1 / 255)(images))
    target = classes_of(network_of(keras.Model(images, keras.layers.Dense(3)(x))), ["red"])

    from training.filters.ascent import Ascent, draw

    assert np.isfinite(_draw(target)[0].picture).all()
    with pytest.raises(TargetError, match=r"does not take pictures of 24x20: choose another --size"):
        draw(target, (20, 24), Ascent(steps=1), progress=False)


@pytest.mark.parametrize("size", [(64, 64), (48, 65), (33, 50)])
def test_a_natural_step_is_real_of_rms_one_and_smoother_than_it_was(size):
    from training.filters.natural_steps import NaturalSteps

    noise = np.random.default_rng(1).normal(size=(2, *size, 3)).astype(np.float32)

    step = NaturalSteps(*size)(noise).numpy()

    assert step.shape == noise.shape
    assert np.sqrt(np.square(step).mean(axis=(1, 2, 3))) == pytest.approx([1, 1], abs=1e-4)
    assert np.abs(np.diff(step, axis=1)).mean() < 0.7 * np.abs(np.diff(noise, axis=1)).mean()
