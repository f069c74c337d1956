"""Which photograph is learnt from, which stops the training, which measures it."""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

import numpy as np

from training.errors import DatasetError
from training.photographs import SPLITS, Photograph, Split, labels_of

_FEWEST_TO_SHARE = 3  # a class with fewer photographs gives them all to the training split
Group = list[Photograph]
"""Photographs of equal bytes: no split may hold what another has."""


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
        DatasetError: a split would stay empty, or a class would have nothing to be learnt from, or nothing in
            the validation split of the folders.
    """
    fractions: dict[Split, float] = {"validation": validation_fraction, "test": test_fraction}
    given = {photograph.split for photograph in photographs}
    drawn = {split: fraction for split, fraction in fractions.items() if split not in given}
    assigned = [p for p in photographs if p.split not in {None, "train"}]
    groups = group_by_content([p for p in photographs if p.split in {None, "train"}], sha256)
    rng = np.random.default_rng(seed)
    for label in labels_of(photographs):
        assigned += _draw([group for group in groups if group[0].label == label], drawn, rng)
    _check_splits(assigned, drawn=drawn)
    return tuple(sorted(assigned, key=lambda photograph: photograph.relative))


def group_by_content(photographs: Iterable[Photograph], sha256: Mapping[str, str]) -> list[Group]:
    """Files of equal bytes together, in the order of their paths; the first one's class counts for all."""
    groups: dict[str, Group] = {}
    for photograph in sorted(photographs, key=lambda photograph: photograph.relative):
        groups.setdefault(sha256[photograph.relative], []).append(photograph)
    return list(groups.values())


def in_order(groups: Iterable[Group], counts: Mapping[Split, int]) -> Iterator[Photograph]:
    """Give the first groups to the first split, and so on; those beyond the counts are left out."""
    splits = (split for split, count in counts.items() for _ in range(count))
    for split, group in zip(splits, groups, strict=False):
        yield from (replace(photograph, split=split) for photograph in group)


def _draw(
    groups: Sequence[Group], drawn: Mapping[Split, float], rng: np.random.Generator
) -> Iterator[Photograph]:
    counts: dict[Split, int] = {split: _count(fraction, len(groups)) for split, fraction in drawn.items()}
    counts["train"] = len(groups) - sum(counts.values())
    return in_order([groups[index] for index in rng.permutation(len(groups))], counts)


def _count(fraction: float, total: int) -> int:
    return max(1, round(fraction * total)) if total >= _FEWEST_TO_SHARE else 0


def _check_splits(assigned: Sequence[Photograph], *, drawn: Container[Split]) -> None:
    holders: dict[Split, set[str]] = {
        split: {photograph.label for photograph in assigned if photograph.split == split} for split in SPLITS
    }
    classes = labels_of(assigned)
    for split in SPLITS:
        if not holders[split]:
            raise DatasetError(_empty_split(split, classes[0], drawn=split in drawn))
    for split in ("train", "validation"):
        lost = sorted(set(classes) - holders[split])
        if lost and split not in drawn:
            raise DatasetError(f"the class {lost[0]!r} has no readable photograph left in the {split} split")


def _empty_split(split: Split, label: str, *, drawn: bool) -> str:
    if not drawn:
        return f"no readable photograph is left for the {split} split"
    return (
        f"none is left for the {split} split: the class {label!r}, as every other, has fewer than "
        f"{_FEWEST_TO_SHARE} different photographs to draw from; add some"
    )
