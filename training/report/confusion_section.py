"""What is taken for what: the matrix, and the worst pairs as pictures."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from training.report.answers import Answers, Indexes
from training.report.images import photograph, tile
from training.report.markup import Markup, element, joined, paragraph, section

_MOST_CLASSES = 20
_WORST_PAIRS = 4
_PICTURES = 4
_DARK = 0.55  # share from which white text reads better


def confusion_section(answers: Answers) -> Markup:
    """The matrix of the classes with most mistakes, then pictures."""
    counts = confusion(answers)
    shown = worst_classes(counts, most=_MOST_CLASSES)
    note = (
        ""
        if len(shown) == len(counts)
        else f" Of {len(counts)} classes, the {len(shown)} with most mistakes; all are in report.json."
    )
    return section(
        "Confusion",
        paragraph(
            "Rows are true classes, columns answers; numbers are test images, colours shares of the row. "
            f"Blue is right, red is wrong.{note}"
        ),
        _matrix(counts, shown, answers.labels),
        *_pairs(answers, counts),
    )


def confusion(answers: Answers) -> npt.NDArray[np.int64]:
    """[true, answered], counts."""
    classes = len(answers.labels)
    flat = np.bincount(answers.truth * classes + answers.predicted, minlength=classes**2)
    return flat.reshape(classes, classes)


def worst_classes(counts: npt.NDArray[np.int64], *, most: int) -> Indexes:
    """The classes that are mistaken or answered by mistake most often, in the order of the labels."""
    wrong = counts - np.diag(np.diag(counts))
    mistakes = wrong.sum(axis=0) + wrong.sum(axis=1)
    return np.sort(np.argsort(-mistakes, kind="stable")[:most])


def worst_pairs(answers: Answers, *, most: int) -> list[tuple[int, int]]:
    """(true, answered), the most frequent mistakes first; of equally frequent ones the more confident."""
    wrong = np.flatnonzero(~answers.right)
    pairs = list(zip(answers.truth[wrong].tolist(), answers.predicted[wrong].tolist(), strict=True))
    surest: dict[tuple[int, int], float] = {}
    for pair, confidence in zip(pairs, answers.confidence[wrong], strict=True):
        surest[pair] = max(float(confidence), surest.get(pair, 0.0))
    counts = Counter(pairs)
    return sorted(counts, key=lambda pair: (-counts[pair], -surest[pair]))[:most]


def _matrix(counts: npt.NDArray[np.int64], shown: Indexes, labels: tuple[str, ...]) -> Markup:
    totals = np.maximum(counts.sum(axis=1), 1)
    heads = [element("th", element("span", labels[n]), class_="column") for n in shown]
    rows = [
        element(
            "tr",
            element("th", labels[row], class_="row"),
            *(_cell(int(counts[row, n]), counts[row, n] / totals[row], right=row == n) for n in shown),
        )
        for row in shown
    ]
    head = element("tr", element("th", "true ↓  answered →", class_="corner"), *heads)
    return element("div", element("table", head, *rows, class_="confusion"), class_="scroll")


def _cell(count: int, share: float, *, right: bool) -> Markup:
    if not count:
        return element("td")
    colour = "47, 109, 179" if right else "194, 59, 59"
    # A single mistake among many should still be seen.
    strength = share if right else min(1.0, 0.15 + 0.85 * share)
    ink = "#fff" if strength > _DARK else "inherit"
    return element("td", str(count), style=f"background: rgba({colour}, {strength:.2f}); color: {ink}")


def _pairs(answers: Answers, counts: npt.NDArray[np.int64]) -> Iterator[Markup]:
    pairs = worst_pairs(answers, most=_WORST_PAIRS)
    if not pairs:
        yield paragraph("No test image was taken for another class.")
        return
    yield element("h3", "The worst pairs")
    for true, answered in pairs:
        yield _pair(answers, true, answered, count=int(counts[true, answered]))


def _pair(answers: Answers, true: int, answered: int, *, count: int) -> Markup:
    labels = answers.labels
    mistaken = np.flatnonzero((answers.truth == true) & (answers.predicted == answered))
    mistaken = mistaken[np.argsort(-answers.confidence[mistaken], kind="stable")][:_PICTURES]
    examples = answers.draw(np.flatnonzero((answers.truth == answered) & answers.right), _PICTURES)
    total = int((answers.truth == true).sum())
    return element(
        "div",
        paragraph(
            element("b", labels[true]), " taken for ", element("b", labels[answered]), f": {count} of {total}"
        ),
        element(
            "div",
            *(_shown(answers, int(n), wrong=True) for n in mistaken),
            *_examples(answers, examples, label=labels[answered]),
            class_="versus",
        ),
        class_="pair",
    )


def _examples(answers: Answers, examples: Indexes, *, label: str) -> Iterator[Markup]:
    if not len(examples):
        yield paragraph(f"No test image of {label} is recognised.", class_="muted")
        return
    yield element("div", "and true ones:", class_="and")
    for index in examples:
        yield _shown(answers, int(index), wrong=False)


def _shown(answers: Answers, index: int, *, wrong: bool) -> Markup:
    name = answers.photographs[index].relative
    label = answers.labels[answers.predicted[index]]
    caption = joined([element("b", f"{label} {answers.confidence[index]:.0%}")])
    return tile(photograph(answers.pixels(index), alt=name), caption=caption, wrong=wrong)
