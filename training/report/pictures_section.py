"""Test images with their answers: any 25 of them, and the mistakes the model was surest of."""

from __future__ import annotations

import numpy as np

from training.report.answers import Answers
from training.report.images import photograph, tile, tiles
from training.report.markup import Markup, element, joined, paragraph, section

_COLUMNS = 5
_ON_THE_SHEET = 25
_MISTAKES = 10


def contact_sheet(answers: Answers) -> Markup:
    """Five by five, at random."""
    chosen = answers.draw(np.arange(len(answers.truth)), _ON_THE_SHEET)
    return section(
        "Contact sheet",
        paragraph(
            f"{len(chosen)} test images at random, with the answer and the true label; mistakes are red."
        ),
        tiles([labelled(answers, int(index)) for index in chosen], columns=_COLUMNS),
    )


def confident_mistakes(answers: Answers) -> Markup:
    """The wrong answers of the highest probability."""
    wrong = np.flatnonzero(~answers.right)
    chosen = wrong[np.argsort(-answers.confidence[wrong], kind="stable")][:_MISTAKES]
    if not len(chosen):
        return section("Most confident mistakes", paragraph("No test image was answered wrongly."))
    return section(
        "Most confident mistakes",
        paragraph(
            f"{len(wrong)} of {len(answers.truth)} answers are wrong. Look for wrong labels among these "
            "first: a model that is sure and wrong is sometimes right."
        ),
        tiles([labelled(answers, int(index)) for index in chosen], columns=_COLUMNS),
    )


def labelled(answers: Answers, index: int) -> Markup:
    """An image with its answer and the truth."""
    name = answers.photographs[index].relative
    image = photograph(answers.pixels(index), alt=name)
    return tile(image, caption=caption(answers, index), wrong=not answers.right[index])


def caption(answers: Answers, index: int) -> Markup:
    """Answer and truth with their probabilities, and the file."""
    right = bool(answers.right[index])
    answered, true = int(answers.predicted[index]), int(answers.truth[index])
    row = answers.probabilities[index]
    truth = f"true: {answers.labels[true]}" + ("" if right else f" {row[true]:.0%}")
    return joined(
        [
            element("b", f"{answers.labels[answered]} {row[answered]:.0%}"),
            element("span", truth, class_="truth"),
            element("span", answers.photographs[index].relative, class_="file"),
        ]
    )
