from __future__ import annotations

import numpy as np
import pytest

from tests.pictures import picture

pytestmark = pytest.mark.tensorflow


def _dream(target, photograph, **settings):
    from training.filters.deep_dream import Dream, deep_dream

    return deep_dream(photograph, target, Dream(**{"steps": 4} | settings), progress=False)


def _green():
    from training.filters.target import filters_of

    from .networks import colour_network

    return filters_of(colour_network(), "colours", [1])


def test_a_dream_keeps_the_photograph_s_shape_and_sees_more_of_the_filter():
    photograph = np.asarray(picture(50, 40))

    dreamt = _dream(_green(), photograph)

    assert (dreamt.shape, dreamt.dtype) == (photograph.shape, np.uint8)
    assert dreamt[..., 1].mean() > photograph[..., 1].mean() + 5


def test_a_class_can_be_dreamt_of():
    from training.filters.target import classes_of

    from .networks import colour_network

    photograph = np.full((40, 40, 3), (90, 90, 150), np.uint8)

    dreamt = _dream(classes_of(colour_network(), ["blue"]), photograph)

    assert dreamt[..., 2].mean() > photograph[..., 2].mean() + 5


def test_a_seed_repeats_a_dream():
    photograph = np.asarray(picture(40, 40))

    assert np.array_equal(*(_dream(_green(), photograph, seed=3) for _ in range(2)))


def test_where_there_is_nothing_to_climb_the_photograph_stays_as_it_is():
    """What was dreamt at small sizes is laid over the photograph, whose own detail is never lost."""
    from training.filters.target import filters_of

    from .networks import colour_network, set_kernel

    network = colour_network()
    set_kernel(network.model, "colours", np.zeros((3, 3)))
    photograph = np.asarray(picture(90, 70))

    assert np.array_equal(_dream(filters_of(network, "colours", [0]), photograph), photograph)


def test_octaves_grow_to_the_photograph_s_own_size_and_none_is_too_small():
    from training.filters.deep_dream import Dream, _octaves

    assert _octaves((280, 140), Dream(octaves=3, scale=1.4)) == [(143, 71), (200, 100), (280, 140)]
    assert _octaves((40, 40), Dream(octaves=3, scale=1.4)) == [(40, 40)]
    assert _octaves((8, 8), Dream()) == [(8, 8)]


@pytest.mark.parametrize("size", [(600, 40), (40, 1100), (513, 512)])
def test_tiles_come_back_in_their_places(size):
    import tensorflow as tf

    from training.filters.deep_dream import _by_tiles

    large = tf.random.stateless_uniform([1, *size, 3], [1, 2])
    seen = []

    def same(tile):
        seen.append(tuple(tile.shape[1:3]))
        return tile

    assert np.array_equal(_by_tiles(large, same), large)
    assert len(seen) > 1
    assert max(max(shape) for shape in seen) <= 512


def test_a_gradient_that_is_not_finite_ends_the_dream_in_one_line():
    from training.filters.errors import TargetError
    from training.filters.target import filters_of

    from .networks import colour_network, set_kernel

    network = colour_network()
    set_kernel(network.model, "colours", np.full((3, 3), np.nan))

    with pytest.raises(TargetError, match="the dream diverged: choose another layer"):
        _dream(filters_of(network, "colours", [0]), np.asarray(picture(40, 40)))
