from __future__ import annotations

from collections import Counter
from pathlib import Path

from training.advice.sample import MOST_CLASSES, MOST_IMAGES, comparable, draw_sample
from training.photographs import Photograph


def photographs(label, count, *, split=None):
    names = [f"{split}/{label}/{number}" for number in range(count)]
    return [Photograph(path=Path(name), relative=name, label=label, split=split) for name in names]


def test_every_class_gives_as_many_as_it_can_and_all_of_it_in_one_stretch():
    sample = draw_sample([*photographs("a", 900), *photographs("b", 3), *photographs("c", 900)], seed=0)

    labels = [photograph.label for photograph in sample]
    assert Counter(labels) == {"a": MOST_IMAGES // 3, "b": 3, "c": MOST_IMAGES // 3}
    assert labels == sorted(labels)


def test_the_seed_decides_the_draw():
    found = [*photographs("a", 900), *photographs("b", 900)]

    assert draw_sample(found, seed=1) == draw_sample(found, seed=1)
    assert draw_sample(found, seed=1) != draw_sample(found, seed=2)


def test_what_measures_a_model_is_never_drawn():
    found = [p for split in ("train", "validation", "test") for p in photographs("a", 9, split=split)]

    assert {photograph.split for photograph in draw_sample(found, seed=0)} == {"train"}


def test_of_very_many_classes_some_are_drawn():
    found = [photograph for number in range(300) for photograph in photographs(f"{number:03}", 10)]

    counts = Counter(photograph.label for photograph in draw_sample(found, seed=0))
    assert len(counts) == MOST_CLASSES
    assert set(counts.values()) == {MOST_IMAGES // MOST_CLASSES}


def test_copies_and_classes_of_one_photograph_are_not_compared():
    one, two, copy = photographs("a", 3)
    alone = photographs("b", 1)
    sha256 = {one.relative: "1", two.relative: "2", copy.relative: "1", alone[0].relative: "3"}

    assert comparable([one, two, copy, *alone], sha256) == (one, two)
