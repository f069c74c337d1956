"""The advice on tiny pictures, by the real network."""

from __future__ import annotations

from dataclasses import replace

import pytest

from contract.image_spec import ImageSpec
from training.errors import DatasetError
from training.photographs import find_photographs

from .pictures import KINDS, write_classes, write_picture

pytestmark = pytest.mark.tensorflow


def test_colours_are_told_apart_and_the_linear_recipe_is_advised(tmp_path):
    from training.advice.advise import advise

    root = write_classes(tmp_path / "in", per_class=6)
    for number in range(20):
        write_picture(root / "blue" / f"more{number}.png", KINDS["blue"], seed=9000 + number)

    advice = advise(root, cache=tmp_path / "cache", progress=False)

    assert advice.recipe == "efficientnet-lite0-linear"
    assert advice.class_weights
    assert (advice.facts.images, advice.facts.smallest, advice.facts.largest) == (38, 6, 26)
    assert advice.facts.contrast.late.accuracy > 0.9
    assert advice.facts.contrast.images == 38


def test_held_out_photographs_are_counted_and_not_looked_at(tmp_path):
    from training.advice.advise import advise_on

    found = find_photographs(write_classes(tmp_path / "in", per_class=4))
    split = [replace(p, split="test" if p.relative.endswith("3.png") else "train") for p in found]
    for photograph in split:
        if photograph.split == "test":
            photograph.path.unlink()

    advice = advise_on(split, learnt=9, cache=tmp_path / "cache", progress=False)

    assert advice.facts.images == 12
    assert advice.facts.largest == 3
    assert advice.facts.contrast.images == 9


def test_the_advice_before_training_counts_what_validation_and_test_are_still_drawn_from(tmp_path):
    from training.advice.advise import advise
    from training.auto_recipe import advise_before_training

    root, cache = write_classes(tmp_path / "in", per_class=8), tmp_path / "cache"

    before_training = advise_before_training(root, seed=0, cache=cache, progress=False)

    assert before_training.facts.learnt == advise(root, cache=cache, progress=False).facts.learnt == 24
    assert before_training.facts.largest == 6  # and looks at none of those
    assert before_training.recipe == "efficientnet-lite0-linear"


def test_one_photograph_a_class_leaves_nothing_to_compare(tmp_path):
    from training.advice.advise import advise

    advice = advise(write_classes(tmp_path / "in", per_class=1), cache=tmp_path / "cache", progress=False)

    assert advice.facts.contrast is None
    assert advice.recipe == "efficientnet-lite0-linear"


def test_a_single_class_is_refused(tmp_path):
    from training.advice.advise import advise

    write_picture(tmp_path / "in" / "only" / "1.png", KINDS["blue"], seed=0)

    with pytest.raises(DatasetError, match="at least two"):
        advise(tmp_path / "in", cache=tmp_path / "cache", progress=False)


PACE = {"decode": 0.002, "forward": 0.01, "step": 0.003}


def test_the_estimate_follows_its_formula():
    from training.advice.estimate import Pace, estimated_seconds

    seconds = estimated_seconds(Pace(**PACE), images=1000, largest_side=500)

    once, epoch_of_head = 20 + 1000 * 0.012, 22 * 0.003
    assert seconds["efficientnet-lite0-linear"] == pytest.approx(once + 3 * 700 * 0.01 + 200 * epoch_of_head)
    assert seconds["efficientnet-lite0-finetune"] == pytest.approx(
        once + 100 * epoch_of_head + 4 * 700 * 0.7 * 0.01 + 8 * 700 * 0.65 * 0.01
    )


def test_small_pictures_are_estimated_by_their_pixels_and_others_not_at_all():
    from training.advice.estimate import _WHOLE, Pace, estimated_seconds

    small, large = (estimated_seconds(Pace(**PACE), images=1000, largest_side=side) for side in (64, 65))

    forward = 0.01 * 64**2 / 224**2
    assert small["efficientnet-lite0-small-pictures"] == pytest.approx(
        20 + 1000 * (0.002 + forward) + 20 * 22 * 0.003 + 5 * 700 * _WHOLE * forward
    )
    assert small.keys() - large.keys() == {"efficientnet-lite0-small-pictures"}


def test_decoding_is_timed_on_the_files_though_their_pixels_may_be_kept(tmp_path):
    from training.advice.estimate import seconds_to_decode

    found = find_photographs(write_classes(tmp_path / "in", per_class=1))
    assert seconds_to_decode(found, ImageSpec()) > 0
    found[0].path.unlink()

    with pytest.raises(DatasetError, match="changed while it was read"):
        seconds_to_decode(found, ImageSpec())
