"""Which photograph is learnt from, which stops the training, which measures it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

import numpy as np

from training.errors import DatasetError
from training.photographs import SPLITS, Photograph, Split, labels_of

_FEWEST_TO_SHARE = 3  # a class with fewer photographs gives them all to the training split
_Group = list[Photograph]


def assign_splits(
    photographs: Sequence[Photograph],
    *,
    sha256: Mapping[str, str],
    seed: int,
    validation_fraction: float = 0.15,
    test_fraction: float = 0.15,
) -> tuple[Photograph, ...]:
    """Give every photograph a split; what the folders say stays.

    A split that no folder holds is drawn, class by class, from what is not assigned or from `train/`. Files
    of equal bytes are drawn as one, so that no split holds what another has. The draw depends on the seed,
    the relative paths and the contents alone. A class of three different photographs or more has at least
    one in every split that is drawn.

    Args:
        photographs: the readable ones.
        sha256: of their files, by relative path.
        seed: of the draw.
        validation_fraction: of a class's different photographs.
        test_fraction: the same.

    Returns:
        The photographs sorted by relative path, none of them with split None.

    Raises:
        DatasetError: a split would stay empty, or a class would have nothing to be learnt from.
    """
    fractions: dict[Split, float] = {"validation": validation_fraction, "test": test_fraction}
    given = {photograph.split for photograph in photographs}
    drawn = {split: fraction for split, fraction in fractions.items() if split not in given}
    assigned = [p for p in photographs if p.split not in {None, "train"}]
    groups = _groups([p for p in photographs if p.split in {None, "train"}], sha256)
    rng = np.random.default_rng(seed)
    for label in labels_of(photographs):
        assigned += _draw([group for group in groups if group[0].label == label], drawn, rng)
    _check_splits(assigned)
    return tuple(sorted(assigned, key=lambda photograph: photograph.relative))


def _groups(photographs: Sequence[Photograph], sha256: Mapping[str, str]) -> list[_Group]:
    """Files of equal bytes together, in the order of their paths; the first one's class counts for all."""
    groups: dict[str, _Group] = {}
    for photograph in sorted(photographs, key=lambda photograph: photograph.relative):
        groups.setdefault(sha256[photograph.relative], []).append(photograph)
    return list(groups.values())


def _draw(
    groups: Sequence[_Group], drawn: Mapping[Split, float], rng: np.random.Generator
) -> Iterator[Photograph]:
    splits: list[Split] = [
        split for split, fraction in drawn.items() for _ in range(_count(fraction, len(groups)))
    ]
    splits += ["train"] * (len(groups) - len(splits))
    for index, split in zip(rng.permutation(len(groups)), splits, strict=True):
        yield from (replace(photograph, split=split) for photograph in groups[index])


def _count(fraction: float, total: int) -> int:
    return max(1, round(fraction * total)) if total >= _FEWEST_TO_SHARE else 0


def _check_splits(assigned: Sequence[Photograph]) -> None:
    for split in SPLITS:
        if all(photograph.split != split for photograph in assigned):
            raise DatasetError(f"too few readable photographs: none is left for the {split} split")
    learnt = {photograph.label for photograph in assigned if photograph.split == "train"}
    for label in labels_of(assigned):
        if label not in learnt:
            raise DatasetError(f"the class {label!r} has no readable photograph left in the train split")
