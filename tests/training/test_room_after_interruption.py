"""A stage ends by the algorithm it began with, however the room has changed while it was interrupted."""

from __future__ import annotations

import shutil
from dataclasses import replace

import pytest

from training.errors import CacheError

from .small_fits import fitted, same, splits, weights_of, with_stage, without_seconds

pytestmark = [pytest.mark.tensorflow, pytest.mark.slow]


class Interrupted(Exception):  # noqa: N818 - no error
    """Raised where a person would press Ctrl-C."""


@pytest.fixture
def copying_recipe(tiny_recipe):
    """Two fixed copies in the place of fresh changes."""
    augmentation = replace(tiny_recipe.augmentation, copies=2)
    return replace(with_stage(tiny_recipe, frozen=3, epochs=3), augmentation=augmentation)


def _cache(folder, room):
    from training.features import FeatureCache

    return FeatureCache(folder=folder, most_bytes=room)


def _fitted(recipe, folder, *, room, **options):
    return fitted(recipe, splits(), folder, cache=_cache(folder, room), **options)


def _after(epochs, recipe, folder, *, room):
    """The progress of a fit that was interrupted."""
    from training.observer import Observer

    kept = []

    def save(progress):
        kept.append(progress)
        if len(kept) == epochs:
            raise Interrupted

    with pytest.raises(Interrupted):
        fitted(recipe, splits(), folder, cache=_cache(folder, room), observer=Observer(save=save))
    return kept[-1]


def _ended_alike(one, other):
    (classifier, history), (other_classifier, other_history) = one, other
    return without_seconds(history) == without_seconds(other_history) and same(
        weights_of(classifier), weights_of(other_classifier)
    )


def test_without_room_for_copies_it_goes_on_without_them_where_room_has_come(copying_recipe, tmp_path):
    whole = _fitted(copying_recipe, tmp_path, room=0)
    progress = _after(1, copying_recipe, tmp_path, room=0)

    resumed = _fitted(copying_recipe, tmp_path, room=None, progress=progress)

    assert progress.frozen_layers == {0: "no room"}
    assert _ended_alike(resumed, whole)
    assert list(tmp_path.iterdir()) == []


def test_copies_that_are_there_are_used_where_the_room_is_less_now(copying_recipe, tmp_path):
    whole = _fitted(copying_recipe, tmp_path, room=None)
    progress = _after(1, copying_recipe, tmp_path, room=None)

    resumed = _fitted(copying_recipe, tmp_path, room=0, progress=progress)

    assert progress.frozen_layers == {0: "once"}
    assert _ended_alike(resumed, whole)


def test_copies_that_are_gone_are_drawn_again_where_there_is_room(copying_recipe, tmp_path):
    whole = _fitted(copying_recipe, tmp_path, room=None)
    progress = _after(1, copying_recipe, tmp_path, room=None)
    shutil.rmtree(tmp_path)

    resumed = _fitted(copying_recipe, tmp_path, room=None, progress=progress)

    assert _ended_alike(resumed, whole)


def test_copies_that_are_gone_and_have_no_room_are_one_clear_line(copying_recipe, tmp_path):
    progress = _after(1, copying_recipe, tmp_path / "cache", room=None)
    shutil.rmtree(tmp_path / "cache")

    with pytest.raises(CacheError, match=r"is gone from .*make room, .* --cache-bytes, .* --fresh$"):
        _fitted(copying_recipe, tmp_path / "cache", room=0, progress=progress)


def test_a_stage_that_was_over_needs_no_room(copying_recipe, tmp_path):
    whole = _fitted(copying_recipe, tmp_path / "cache", room=None)
    progress = _after(3, copying_recipe, tmp_path / "cache", room=None)
    shutil.rmtree(tmp_path / "cache")

    resumed = _fitted(copying_recipe, tmp_path / "cache", room=0, progress=progress)

    assert _ended_alike(resumed, whole)


def test_progress_that_does_not_know_is_decided_anew(copying_recipe, tmp_path):
    progress = replace(_after(1, copying_recipe, tmp_path, room=0), frozen_layers={})

    _fitted(copying_recipe, tmp_path, room=None, progress=progress)

    assert list(tmp_path.glob("features-*"))


def test_where_nothing_is_frozen_the_layers_run_every_epoch(tiny_recipe, tmp_path):
    progress = _after(1, with_stage(tiny_recipe, frozen="none"), tmp_path, room=None)

    assert progress.frozen_layers == {0: "every epoch"}
