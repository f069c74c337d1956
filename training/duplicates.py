"""Photographs with the same bytes: what is learnt from must not be measured on too."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from training.photographs import Photograph, Split

_MEASURED_FIRST: tuple[Split, ...] = ("test", "validation")


@dataclass(frozen=True, kw_only=True)
class Duplicate:
    """A photograph left out of its split, and the one of a held-out split that has the same bytes."""

    path: str
    same_as: str


def leave_out_duplicates(
    photographs: Sequence[Photograph], sha256: Mapping[str, str]
) -> tuple[tuple[Photograph, ...], tuple[Duplicate, ...]]:
    """Where folders say the split, take out of each what a split that measures it holds too.

    The test split keeps everything; validation loses what test has, train what either has.

    Args:
        photographs: with the splits of their folders; one that has none is never left out.
        sha256: of the files, by relative path.

    Returns:
        The photographs that stay, and those that do not.
    """
    held_out: dict[str, Photograph] = {}
    duplicates = []
    for split in (*_MEASURED_FIRST, "train"):
        members = [p for p in photographs if p.split == split]
        duplicates += [
            Duplicate(path=p.relative, same_as=held_out[sha256[p.relative]].relative)
            for p in members
            if sha256[p.relative] in held_out
        ]
        # After the whole split: two copies within one split are no leak.
        held_out |= {sha256[p.relative]: p for p in members if sha256[p.relative] not in held_out}
    left_out = {duplicate.path for duplicate in duplicates}
    kept = tuple(p for p in photographs if p.relative not in left_out)
    return kept, tuple(sorted(duplicates, key=lambda duplicate: duplicate.path))
