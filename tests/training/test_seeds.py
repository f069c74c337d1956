"""The same seed gives the same network, bit by bit; another seed another one."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from training.recipe import Augmentation

from .small_fits import built, same, splits, weights_of, with_stage

pytestmark = pytest.mark.tensorflow


def test_an_epoch_draws_the_same_numbers_whatever_was_drawn_before():
    from training.seeds import EpochSeed

    first, again = EpochSeed(seed=1, stage=0, epoch=2), EpochSeed(seed=1, stage=0, epoch=2)
    again.rng("order").random(100)

    assert np.array_equal(first.rng("copies").random(5), again.rng("copies").random(5))
    assert first.integer("mixup 3") == again.integer("mixup 3")


def test_every_seed_stage_epoch_and_purpose_draws_its_own_numbers():
    from training.seeds import EpochSeed

    seeds = [EpochSeed(seed=s, stage=t, epoch=e) for s in range(3) for t in range(3) for e in range(3)]

    drawn = {seed.integer(purpose) for seed in seeds for purpose in ("order", "layers", "mixup 0")}

    assert len(drawn) == 81


@pytest.mark.slow
@pytest.mark.parametrize("copies", [0, 2])
def test_dropout_and_augmentation_repeat_with_the_seed(tiny_recipe, tmp_path, copies):
    recipe = replace(tiny_recipe, augmentation=replace(tiny_recipe.augmentation, copies=copies))
    recipe = with_stage(recipe, frozen=3 if copies else "none")

    assert_the_seed_decides(recipe, tmp_path)


@pytest.mark.slow
def test_mixup_repeats_with_the_seed(tiny_recipe, tmp_path):
    assert_the_seed_decides(replace(tiny_recipe, augmentation=Augmentation(mixup=0.4)), tmp_path)


def assert_the_seed_decides(recipe, tmp_path):
    """The first weights are the same: only what happens while fitting is left to tell seeds apart."""
    first, again, other = (
        _fitted(recipe, tmp_path / str(number), seed=seed) for number, seed in enumerate((5, 5, 6))
    )

    assert same(first, again)
    assert not same(first, other)


def _fitted(recipe, folder, *, seed):
    from training.features import FeatureCache
    from training.fit import fit
    from training.observer import Observer

    classifier = built(recipe, seed=0)
    fit(
        classifier,
        recipe,
        samples=splits(),
        seed=seed,
        cache=FeatureCache(folder=folder),
        observer=Observer(),
    )
    return weights_of(classifier)
