"""The photographs: how many, where they went, which were left out and why."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

import numpy as np

from training.dataset import Dataset
from training.photographs import SPLITS, Split, labels_of
from training.report.markup import Child, Markup, element, joined, paragraph, section, table
from training.split import Group, group_by_content

_FEW_CLASSES, _MOST_CLASSES = 25, 150
_MOST_LISTED = 50


def data_section(data: Dataset) -> Markup:
    """Counts, split, files left out."""
    left_out = element("div", _unreadable(data), _duplicates(data), _copies(data))
    layout = "beside" if len(data.labels) <= _FEW_CLASSES else "below"
    return section(
        "Data", paragraph(split_rule(data)), element("div", _counts(data), left_out, class_=layout)
    )


def drawn_splits(data: Dataset) -> tuple[Split, ...]:
    """The splits that no folder named."""
    given = {photograph.split for photograph in data.decoded.photographs}
    return tuple(split for split in SPLITS if split not in given)


def contradictions(data: Dataset) -> int:
    """How many photographs have the bytes of one of another class: one of the labels is wrong."""
    return sum(len(group) for group in _equal(data) if len(labels_of(group)) > 1)


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
    """One table, or two side by side where there are many classes."""
    columns = [counts_by_label(data, split) for split in SPLITS]
    rows: list[list[Child]] = [
        [label, *map(str, counts), str(sum(counts))]
        for label, *counts in zip(data.labels, *columns, strict=True)
    ]
    total: list[Child] = [element("b", "all"), *(str(sum(c)) for c in columns), str(sum(map(sum, columns)))]
    shown = [total, *rows[:_MOST_CLASSES]]
    height = math.ceil(len(shown) / (1 if len(rows) <= _FEW_CLASSES else 2))
    tables = (
        table(["class", *SPLITS, "all"], shown[start : start + height])
        for start in range(0, len(shown), height)
    )
    rest = len(rows) - _MOST_CLASSES
    more = [paragraph(f"… and {rest} more classes; split.csv has every photograph.")] if rest > 0 else []
    return joined([element("div", *tables, class_="abreast"), *more])


def _unreadable(data: Dataset) -> Markup:
    rows = [(entry.path, entry.detail, entry.code) for entry in data.unreadable]
    return _listed(
        "Quarantined", "These files gave no pixels and took no part.", ("file", "reason", "code"), rows
    )


def _duplicates(data: Dataset) -> Markup:
    rows = [(entry.path, entry.same_as) for entry in data.duplicates]
    return _listed(
        "Duplicates left out",
        "A split that measures these photographs holds the same bytes.",
        ("left out", "same as"),
        rows,
    )


def _copies(data: Dataset) -> Markup:
    rows = [
        (copy.relative, copy.label, first.relative, first.label)
        for first, *others in _equal(data)
        for copy in others
    ]
    rows.sort(key=lambda row: row[1] == row[3])  # contradictions first: a long list is cut
    return _listed(
        "Copies that took part",
        "Files of equal bytes, all of them in one split. Where the classes differ, a label is wrong.",
        ("file", "class", "same as", "class"),
        rows,
        rest="the digests of split.csv tell them",
    )


def _equal(data: Dataset) -> list[Group]:
    groups = group_by_content(data.photographs, data.decoded.sha256)
    return [group for group in groups if len(group) > 1]


def _listed(
    title: str,
    meaning: str,
    head: Sequence[str],
    rows: Sequence[Iterable[str]],
    *,
    rest: str = "all in report.json",
) -> Markup:
    if not rows:
        return joined([element("h3", f"{title}: none")])
    listed = table(head, [list(row) for row in rows[:_MOST_LISTED]], class_="text")
    unlisted = len(rows) - _MOST_LISTED
    more = [paragraph(f"… and {unlisted} more; {rest}.")] if unlisted > 0 else []
    return joined([element("h3", f"{title}: {len(rows)}"), paragraph(meaning), listed, *more])
