"""Makes a tree with `train/`, `validation/` and `test/` out of photographs that have no splits yet."""

from __future__ import annotations

import os
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from contract.image import decode
from contract.image_spec import ImageSpec
from training.dataset import without_label
from training.errors import DatasetError
from training.index_ranges import photographs_by_range
from training.photographs import Photograph, check_can_be_learnt, find_photographs, labels_of
from training.reading import Unreadable, file_digests, without
from training.shares import Shares
from training.split import Group, group_by_content, in_order
from training.split_tree import write_trees

# Decoding to next to nothing is the quickest way to find out whether a file is an image.
_TINY = ImageSpec(height=8, width=8)


@dataclass(frozen=True, kw_only=True)
class SplitFolder:
    """What was written.

    Attributes:
        folds: the photographs of each fold with their splits, by relative path.
        left_out: files that are no images or have no class.
        linked: whether all files are hard links, which take no room and change with the source.
    """

    folds: tuple[tuple[Photograph, ...], ...]
    left_out: tuple[Unreadable, ...]
    linked: bool


def split_folder(  # noqa: PLR0913 - the options of the command
    source: Path,
    out: Path,
    *,
    shares: Shares,
    seed: int = 0,
    ranges: Path | None = None,
    classes: Collection[str] = (),
    progress: bool = True,
) -> SplitFolder:
    """Write `out/<split>/<class>/…`, or with several folds `out/fold-<n>/<split>/<class>/…`.

    Files of equal bytes go to one split together and count as one photograph; which is drawn with the seed
    depends on the relative paths and the contents alone. The test splits of the folds have nothing in common.

    Args:
        source: a folder a class, or with `ranges` a flat folder of numbered files.
        out: must not exist; it appears once it is whole.
        shares: of each class.
        seed: of the draw.
        ranges: which number is of which class, see `training.index_ranges`.
        classes: the only ones to be taken, or none to take all.
        progress: whether to show progress bars.

    Raises:
        DatasetError: the source is split already or cannot be learnt from, a class has too few photographs,
            or `out` exists, lies in the source or cannot be written.
    """
    _check_target(source, out)
    found, without_class = _find(source, ranges=ranges)
    chosen = _only(found, classes)
    check_can_be_learnt(source, chosen)
    sha256, unreadable = file_digests(
        chosen, progress=progress, check=lambda image_bytes: decode(image_bytes, _TINY)
    )
    groups = group_by_content(without(unreadable, chosen), sha256)
    folds = _folds(groups, shares, labels=labels_of(chosen), seed=seed)
    trees = (
        {"": folds[0]} if len(folds) == 1 else {f"fold-{n}": fold for n, fold in enumerate(folds, start=1)}
    )
    linked = write_trees(out, trees, progress=progress)
    return SplitFolder(folds=folds, left_out=(*unreadable, *without_class), linked=linked)


def _check_target(source: Path, out: Path) -> None:
    if os.path.lexists(out):
        raise DatasetError(f"{out} exists already: name a folder that does not")
    if out.resolve().is_relative_to(source.resolve()):
        raise DatasetError(f"{out} lies in {source}, where it would be taken for a class: name another place")


def _find(source: Path, *, ranges: Path | None) -> tuple[tuple[Photograph, ...], tuple[Unreadable, ...]]:
    """The photographs, and what has no class."""
    if ranges is not None:
        return photographs_by_range(source, ranges)
    found = find_photographs(source)
    if any(photograph.split is not None for photograph in found):
        raise DatasetError(f"{source} is split already")
    return found, without_label(source)


def _only(photographs: tuple[Photograph, ...], classes: Collection[str]) -> tuple[Photograph, ...]:
    strangers = sorted(set(classes) - set(labels_of(photographs)))
    if strangers:
        raise DatasetError(
            f"no class is called {strangers[0]!r}; there are {', '.join(labels_of(photographs))}"
        )
    return tuple(p for p in photographs if not classes or p.label in classes)


def _folds(
    groups: Sequence[Group], shares: Shares, *, labels: Sequence[str], seed: int
) -> tuple[tuple[Photograph, ...], ...]:
    rng = np.random.default_rng(seed)
    folds: list[list[Photograph]] = [[] for _ in range(shares.folds)]
    for label in labels:
        members = [group for group in groups if group[0].label == label]
        counts = shares.counts(label, len(members))
        order = rng.permutation(len(members))
        for number, fold in enumerate(folds):  # each tests what comes after the test split of the one before
            turned = np.roll(order, -number * counts["test"])
            fold.extend(in_order([members[index] for index in turned], counts))
    return tuple(tuple(sorted(fold, key=lambda photograph: photograph.relative)) for fold in folds)
