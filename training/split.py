"""Which photograph is learnt from, which stops the training, which measures it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np

from training.errors import DatasetError
from training.photographs import SPLITS, Photograph, Split

_FEWEST_TO_SHARE = 3  # a class with fewer photographs gives them all to the training split


def assign_splits(
    photographs: Sequence[Photograph],
    *,
    seed: int,
    validation_fraction: float = 0.15,
    test_fraction: float = 0.15,
) -> tuple[Photograph, ...]:
    """Give every photograph a split; what the folders say stays.

    A split that no folder holds is drawn, class by class, from what is not assigned or from `train/`. The
    draw depends on the seed and the relative paths alone. A class of three or more has at least one
    photograph in every split that is drawn.

    Returns:
        The photographs sorted by relative path, none of them with split None.

    Raises:
        DatasetError: a split would stay empty.
    """
    fractions: dict[Split, float] = {"validation": validation_fraction, "test": test_fraction}
    given = {photograph.split for photograph in photographs}
    drawn = {split: fraction for split, fraction in fractions.items() if split not in given}
    rng = np.random.default_rng(seed)
    assigned = [
        photograph
        for label in sorted({photograph.label for photograph in photographs})
        for photograph in _assign_class([p for p in photographs if p.label == label], drawn, rng)
    ]
    for split in SPLITS:
        if all(photograph.split != split for photograph in assigned):
            raise DatasetError(f"too few readable photographs: none is left for the {split} split")
    return tuple(sorted(assigned, key=lambda photograph: photograph.relative))


def _assign_class(
    photographs: Sequence[Photograph], drawn: dict[Split, float], rng: np.random.Generator
) -> Iterator[Photograph]:
    shared = sorted(
        (p for p in photographs if p.split in {None, "train"}), key=lambda photograph: photograph.relative
    )
    yield from (p for p in photographs if p.split not in {None, "train"})
    order = rng.permutation(len(shared))
    position = 0
    for split, fraction in drawn.items():
        count = _count(fraction, len(shared))
        for index in order[position : position + count]:
            yield replace(shared[index], split=split)
        position += count
    for index in order[position:]:
        yield replace(shared[index], split="train")


def _count(fraction: float, total: int) -> int:
    return max(1, round(fraction * total)) if total >= _FEWEST_TO_SHARE else 0
