from __future__ import annotations

from dataclasses import replace

import pytest

from training.advice.facts import Contrast, Facts
from training.advice.rules import LARGE_IMAGES, is_unbalanced, reasons_for, recipe_for
from training.advice.separability import Separability

WELL = Separability(accuracy=0.9, low=0.87, high=0.93, chance=0.1)
POORLY = Separability(accuracy=0.2, low=0.16, high=0.24, chance=0.1)
SIMILAR = Contrast(
    images=400, classes=10, early=POORLY, late=WELL, early_is_better=False, late_is_better=True
)
DIFFERENT = replace(SIMILAR, early=WELL, late=POORLY, early_is_better=True, late_is_better=False)
NEITHER = replace(SIMILAR, late=POORLY, late_is_better=False)


def facts(contrast=SIMILAR, *, images=1000, smallest=80, largest=120, side=500):
    return Facts(
        images=images + 500,  # held out
        learnt=images,
        classes=10,
        smallest=smallest,
        largest=largest,
        largest_side=side,
        contrast=contrast,
    )


@pytest.mark.parametrize(
    ("images", "contrast", "recipe"),
    [
        (LARGE_IMAGES - 1, SIMILAR, "efficientnet-lite0-linear"),
        (LARGE_IMAGES - 1, DIFFERENT, "efficientnet-lite0-early-linear"),
        (LARGE_IMAGES, SIMILAR, "efficientnet-lite0-finetune"),
        (LARGE_IMAGES, DIFFERENT, "efficientnet-lite0-finetune"),
    ],
)
def test_the_four_rules_choose_the_recipe(images, contrast, recipe):
    assert recipe_for(facts(contrast, images=images)) == recipe


def test_classes_that_neither_features_tell_apart_are_different_and_their_labels_doubted():
    known = facts(NEITHER)

    assert recipe_for(known) == "efficientnet-lite0-early-linear"
    assert any("look at the labels" in reason for reason in reasons_for(known))


def test_many_classes_of_a_few_photographs_are_similar_where_late_features_do_better():
    hard = replace(NEITHER, late_is_better=True)

    assert recipe_for(facts(hard)) == "efficientnet-lite0-linear"


@pytest.mark.parametrize(
    ("contrast", "words"),
    [
        (None, "assumed"),
        (replace(SIMILAR, images=6, late_is_better=False), "so few photographs say little"),
    ],
)
def test_data_without_evidence_counts_as_similar_and_says_so(contrast, words):
    known = facts(contrast)

    assert recipe_for(known) == "efficientnet-lite0-linear"
    assert any(words in reason for reason in reasons_for(known))


@pytest.mark.parametrize("contrast", [SIMILAR, DIFFERENT])
def test_large_data_is_told_that_the_first_layers_stay_frozen(contrast):
    reasons = list(reasons_for(facts(contrast, images=LARGE_IMAGES)))

    assert any("the later layers" in reason and 'frozen = "none"' in reason for reason in reasons)
    assert not any('frozen = "none"' in reason for reason in reasons_for(facts(contrast)))


@pytest.mark.parametrize(
    ("side", "recipe"),
    [
        (64, "efficientnet-lite0-small-pictures"),
        (65, "efficientnet-lite0-finetune"),
        (0, "efficientnet-lite0-finetune"),
    ],
)
def test_all_of_the_network_is_fine_tuned_on_many_small_pictures(side, recipe):
    known = facts(images=LARGE_IMAGES, side=side)

    assert recipe_for(known) == recipe
    assert any("all of the network is fine-tuned, at 64x64" in reason for reason in reasons_for(known)) is (
        side == 64
    )


@pytest.mark.parametrize("contrast", [SIMILAR, DIFFERENT])
def test_who_is_advised_a_quick_start_is_told_of_the_default(contrast):
    assert any("without --recipe fine-tunes" in reason for reason in reasons_for(facts(contrast)))
    assert not any(
        "without --recipe" in reason for reason in reasons_for(facts(contrast, images=LARGE_IMAGES))
    )


def test_few_small_pictures_are_as_other_photographs():
    assert recipe_for(facts(side=28)) == recipe_for(facts())


@pytest.mark.parametrize(("largest", "expected"), [(240, False), (241, True)])
def test_more_than_three_times_the_smallest_class_is_unbalanced(largest, expected):
    known = facts(largest=largest)

    assert is_unbalanced(known) is expected
    assert any("--class-weights" in reason for reason in reasons_for(known)) is expected
