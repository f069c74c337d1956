"""The photographs that are looked at: a few hundred, of every class as many."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from training.photographs import Photograph, labels_of, learnable

MOST_IMAGES = 400  # chosen: a measurement of seconds, whose interval is some 0.05 to either side at worst
MOST_CLASSES = 100  # chosen: four photographs a class are the fewest that say anything


def draw_sample(photographs: Sequence[Photograph], *, seed: int) -> tuple[Photograph, ...]:
    """At most 400 photographs that may be learnt from, class by class, in random order within each.

    Photographs of validation and test are never drawn. Of more than 100 classes 100 are drawn.
    """
    learnt = learnable(photographs)
    rng = np.random.default_rng(seed)
    labels = labels_of(learnt)
    chosen = sorted(rng.permutation(len(labels))[:MOST_CLASSES])
    per_class = MOST_IMAGES // max(1, len(chosen))
    by_label: dict[str, list[Photograph]] = {label: [] for label in labels}
    for photograph in learnt:
        by_label[photograph.label].append(photograph)
    return tuple(
        by_label[label][index]
        for label in (labels[number] for number in chosen)
        for index in rng.permutation(len(by_label[label]))[:per_class]
    )


def comparable(sample: Sequence[Photograph], sha256: Mapping[str, str]) -> tuple[Photograph, ...]:
    """Those that can be told apart by cross-validation: one of each content, at least two of each class.

    Copies would answer for each other, and a class of one photograph has nothing to be recognised by.
    """
    first = {sha256[photograph.relative]: photograph for photograph in reversed(sample)}
    different = [photograph for photograph in sample if first[sha256[photograph.relative]] is photograph]
    labels = [photograph.label for photograph in different]
    return tuple(photograph for photograph in different if labels.count(photograph.label) > 1)
