"""What a fit does with the room there is for the outputs of frozen layers."""

from __future__ import annotations

from dataclasses import replace

import pytest

from training.errors import CacheError
from training.recipe import Augmentation

from .small_fits import fitted, same, splits, weights_of, with_stage

pytestmark = [pytest.mark.tensorflow, pytest.mark.slow]

AS_THEY_ARE = Augmentation()
FLIPPED_THRICE = Augmentation(shear=0.5, zoom=0.3, flip=True, copies=3)


def _frozen(tiny_recipe):
    return with_stage(replace(tiny_recipe, augmentation=Augmentation()), frozen=5, epochs=2)


def test_the_size_is_said_before_anything_is_computed(tiny_recipe, tmp_path):
    from training.observer import Observer

    said = []

    def say(line):
        said.append((line, list(tmp_path.iterdir())))

    fitted(_frozen(tiny_recipe), splits(), tmp_path, observer=Observer(say=say))

    [(line, there)] = said
    written = sum(path.stat().st_size - 128 for path in tmp_path.iterdir())
    assert f"takes {written / 1e6:.1f} MB in {tmp_path}" in line
    assert there == []


def test_over_the_limit_the_fit_runs_uncached_says_so_and_ends_on_the_same_weights(tiny_recipe, tmp_path):
    from training.features import FeatureCache
    from training.observer import Observer

    said = []
    cached, rows = fitted(_frozen(tiny_recipe), splits(), tmp_path / "kept")
    whole, rows_uncached = fitted(
        _frozen(tiny_recipe),
        splits(),
        tmp_path,
        cache=FeatureCache(folder=tmp_path / "none", most_bytes=1000),
        observer=Observer(say=said.append),
    )

    assert any("more than the 0.0 MB it may take: they run every epoch instead" in line for line in said)
    assert not (tmp_path / "none").exists()
    assert rows_uncached[-1]["loss"] == pytest.approx(rows[-1]["loss"], rel=1e-4)
    for one, other in zip(weights_of(cached), weights_of(whole), strict=True):
        assert one == pytest.approx(other, abs=1e-4)


def test_features_kept_already_are_used_however_little_room_is_left(tiny_recipe, tmp_path):
    """A second run must not find that the first has taken its half of the disk."""
    from training.features import FeatureCache
    from training.observer import Observer

    class FullDisk(FeatureCache):
        def room(self):
            return 0

    said = []
    first, _ = fitted(_frozen(tiny_recipe), splits(), tmp_path)
    second, _ = fitted(
        _frozen(tiny_recipe),
        splits(),
        tmp_path,
        cache=FullDisk(folder=tmp_path),
        observer=Observer(say=said.append),
    )

    assert not any("they run every epoch instead" in line for line in said)
    assert same(weights_of(first), weights_of(second))


def test_a_folder_that_cannot_be_made_is_one_clear_line(tiny_recipe, tmp_path):
    (tmp_path / "cache").touch()

    with pytest.raises(CacheError, match="cannot keep features in"):
        fitted(_frozen(tiny_recipe), splits(), tmp_path / "cache")
