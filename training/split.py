"""Which photograph is learnt from, which stops the training, which measures it."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

import numpy as np

from training.errors import DatasetError
from training.photographs import SPLITS, Photograph, Split, labels_of

Group = list[Photograph]
"""Photographs of equal bytes: no split may hold what another has."""

_FRACTIONS: Mapping[Split, float] = {"validation": 0.15, "test": 0.15}  # of a class's different photographs


def assign_splits(
    photographs: Sequence[Photograph],
    *,
    sha256: Mapping[str, str],
    seed: int,
    folders: Collection[Split],
) -> tuple[Photograph, ...]:
    """Give every photograph a split; what the folders say stays.

    A split without a folder is drawn, class by class, from what is not assigned or from `train/`. Files
    of equal bytes are drawn as one, so that no split holds what another has. The draw depends on the seed,
    the relative paths and the contents alone. Every class has at least one in every split that is drawn.

    Args:
        photographs: the readable ones.
        sha256: of their files, by relative path; of those that were left out too.
        seed: of the draw.
        folders: splits that have one, though nothing may be left in it.

    Returns:
        The photographs sorted by relative path, none of them with split None.

    Raises:
        DatasetError: a class has too few photographs for the splits to be drawn, a split would stay empty, or
            a class would have nothing to be learnt from, or nothing in the validation split of the folders.
    """
    drawn = {split: fraction for split, fraction in _FRACTIONS.items() if split not in folders}
    assigned = [p for p in photographs if p.split not in {None, "train"}]
    groups = group_by_content([p for p in photographs if p.split in {None, "train"}], sha256)
    rng = np.random.default_rng(seed)
    for label in labels_of(photographs):
        assigned += _draw([group for group in groups if group[0].label == label], drawn, rng)
    shared = drawn.keys() if folders else {*drawn, "train"}
    _check_folders(assigned, sha256, named=[split for split in SPLITS if split not in shared])
    _check_draw(assigned, groups, drawn=[split for split in SPLITS if split in shared])
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
    enough = len(groups) >= _fewest(drawn)
    counts: dict[Split, int] = {
        split: max(1, round(fraction * len(groups))) if enough else 0 for split, fraction in drawn.items()
    }
    counts["train"] = len(groups) - sum(counts.values())
    return in_order([groups[index] for index in rng.permutation(len(groups))], counts)


def _fewest(drawn: Iterable[Split]) -> int:
    """Different photographs a class needs: one for each split that is drawn, and one to learn from."""
    return len({"train", *drawn})


def _check_folders(
    assigned: Sequence[Photograph], sha256: Mapping[str, str], *, named: Iterable[Split]
) -> None:
    for split in named:
        lost = _lost(assigned, split)
        if lost == labels_of(assigned):
            copies = _left_out(assigned, sha256, within=split)
            raise DatasetError(f"no readable photograph is left for the {split} split{copies}")
        if lost and split != "test":  # of those the report says that they were never tested
            copies = _left_out(assigned, sha256, within=f"{split}/{lost[0]}/")
            raise DatasetError(
                f"the class {lost[0]!r} has no readable photograph left in the {split} split{copies}"
            )


def _check_draw(assigned: Sequence[Photograph], groups: Sequence[Group], *, drawn: Sequence[Split]) -> None:
    for split in drawn:
        lost = _lost(assigned, split)
        if lost:
            raise DatasetError(_too_few(lost, groups, drawn))


def _lost(assigned: Sequence[Photograph], split: Split) -> tuple[str, ...]:
    """The classes of which a split has nothing."""
    held = {photograph.label for photograph in assigned if photograph.split == split}
    return tuple(label for label in labels_of(assigned) if label not in held)


def _left_out(assigned: Sequence[Photograph], sha256: Mapping[str, str], *, within: str) -> str:
    """That copies whose paths begin so were left out, to be added to a refusal; empty where none was."""
    kept = {sha256[photograph.relative]: photograph.relative for photograph in assigned}
    gone = sha256.keys() - {photograph.relative for photograph in assigned}
    copies = sorted(path for path in gone if path.startswith(within) and sha256[path] in kept)
    if not copies:
        return ""
    return (
        ": readable ones were left out, as a held-out split has copies of them; "
        f"{copies[0]} is the same as {kept[sha256[copies[0]]]}"
    )


def _too_few(lost: Sequence[str], groups: Sequence[Group], drawn: Sequence[Split]) -> str:
    count = sum(group[0].label == lost[0] for group in groups)
    *others, last = (split for split in SPLITS if split in {"train", *drawn})
    more = f"; {len(lost)} classes in all have too few" if len(lost) > 1 else ""
    return (
        f"the class {lost[0]!r} has {count} different photograph{'' if count == 1 else 's'} of its own "
        f"and needs {_fewest(drawn)}, one each for {', '.join(others)} and {last}{more}"
    )
