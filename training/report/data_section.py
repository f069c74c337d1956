"""The photographs: how many, where they went, which were left out and why."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from training.dataset import Dataset
from training.photographs import SPLITS, Split
from training.report.markup import Child, Markup, element, joined, paragraph, section, table

_MOST_LISTED = 50


def data_section(data: Dataset) -> Markup:
    """Counts, split, files left out."""
    return section("Data", paragraph(split_rule(data)), _counts(data), _unreadable(data), _duplicates(data))


def drawn_splits(data: Dataset) -> tuple[Split, ...]:
    """The splits that no folder named."""
    given = {photograph.split for photograph in data.decoded.photographs}
    return tuple(split for split in SPLITS if split not in given)


def split_rule(data: Dataset) -> str:
    """How photographs got their split."""
    drawn = drawn_splits(data)
    if not drawn:
        return "The folders said which photograph is in which split."
    fixed = [split for split in SPLITS if split not in drawn]
    others = f"; the folders gave {' and '.join(fixed)}" if fixed else ""
    chosen = ", ".join(split for split in drawn if split != "train")
    return (
        f"Drawn at random, class by class, with seed {data.seed}: {chosen}{others}. Files of equal bytes are "
        "drawn as one, so no split holds what another has."
    )


def counts_by_label(data: Dataset, split: Split) -> list[int]:
    """Images of each class, in the order of the labels."""
    return [int(n) for n in np.bincount(data.samples[split].labels, minlength=len(data.labels))]


def _counts(data: Dataset) -> Markup:
    columns = [counts_by_label(data, split) for split in SPLITS]
    rows = [
        [label, *map(str, counts), str(sum(counts))]
        for label, *counts in zip(data.labels, *columns, strict=True)
    ]
    total: list[Child] = [element("b", "all"), *(str(sum(c)) for c in columns), str(sum(map(sum, columns)))]
    return table(["class", *SPLITS, "all"], [total, *rows], class_="figures columns")


def _unreadable(data: Dataset) -> Markup:
    rows = [(entry.path, entry.detail, entry.code) for entry in data.unreadable]
    return _left_out(
        "Quarantined", "These files gave no pixels and took no part.", ("file", "reason", "code"), rows
    )


def _duplicates(data: Dataset) -> Markup:
    rows = [(entry.path, entry.same_as) for entry in data.duplicates]
    return _left_out(
        "Duplicates left out",
        "A split that measures these photographs holds the same bytes.",
        ("left out", "same as"),
        rows,
    )


def _left_out(title: str, meaning: str, head: Sequence[str], rows: Sequence[Iterable[str]]) -> Markup:
    if not rows:
        return joined([element("h3", f"{title}: none")])
    listed = table(head, [list(row) for row in rows[:_MOST_LISTED]], class_="text")
    rest = len(rows) - _MOST_LISTED
    more = [paragraph(f"… and {rest} more, all in report.json.")] if rest > 0 else []
    return joined([element("h3", f"{title}: {len(rows)}"), paragraph(meaning), listed, *more])
