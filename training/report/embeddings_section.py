"""The test images as the last layer sees them, in two dimensions."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patheffects import withStroke

from training.report.answers import Answers, Indexes
from training.report.drawing import INK, RED, add_axes, class_colours, new_figure
from training.report.embeddings import Embedded, Plane, principal_plane
from training.report.images import chart
from training.report.markup import Markup, element, paragraph, section

_MOST_COLOURS = 20
_FEWEST = 3  # points that make a plane


def embeddings_section(answers: Answers, embedded: Embedded) -> Markup:
    """A scatter of the principal components, with numbered classes."""
    if len(embedded.vectors) < _FEWEST:
        return section("Embeddings", paragraph("Too few test images to draw."))
    plane = principal_plane(embedded.vectors)
    shown = _coloured(answers)
    return section(
        "Embeddings",
        paragraph(
            f"{len(plane.points)} test images where the last layer receives them, in the two directions of "
            f"largest spread: these hold {sum(plane.shares):.0%} of the variance, so classes that overlap "
            "here may be apart in others. A number stands at the middle of its class; a ring is a mistake."
        ),
        element(
            "div",
            chart(
                _figure(answers, embedded, plane, shown),
                alt="Test images in two principal components, coloured by class",
                caption="Colours are true classes."
                + (
                    ""
                    if len(shown) == len(answers.labels)
                    else f" The {len(shown)} least recognised have one."
                ),
            ),
            _legend(answers, shown),
            class_="with-legend",
        ),
    )


def _coloured(answers: Answers) -> Indexes:
    """All classes, or as many as colours can tell apart: those with most mistakes."""
    classes = len(answers.labels)
    mistakes = np.bincount(answers.truth[~answers.right], minlength=classes)
    return np.sort(np.argsort(-mistakes, kind="stable")[:_MOST_COLOURS])


def _figure(answers: Answers, embedded: Embedded, plane: Plane, shown: Indexes) -> Figure:
    figure = new_figure(width=9.5, height=6.4)
    first, second = plane.shares
    axes = add_axes(figure, 111, title="", x=f"component 1 ({first:.0%})", y=f"component 2 ({second:.0%})")
    _dots(axes, plane.points[~np.isin(embedded.labels, shown)], s=10, color="#d5dae0", linewidths=0)
    for number, colour in zip(shown, class_colours(len(shown)), strict=True):
        points = plane.points[embedded.labels == number]
        _dots(axes, points, s=26, color=colour, alpha=0.75, linewidths=0)
    wrong = plane.points[~answers.right[embedded.indexes]]
    _dots(axes, wrong, s=70, facecolors="none", edgecolors=RED, linewidths=1.2)
    for number in shown:
        _number(axes, plane.points[embedded.labels == number], text=str(number + 1))
    return figure


def _dots(axes: Axes, points: npt.NDArray[np.float64], **how: Any) -> None:
    axes.scatter(points[:, 0], points[:, 1], **how)


def _number(axes: Axes, points: npt.NDArray[np.float64], *, text: str) -> None:
    if len(points):
        x, y = np.median(points, axis=0)
        halo = [withStroke(linewidth=3, foreground="white")]
        axes.text(
            x, y, text, color=INK, fontsize=11, fontweight="bold", ha="center", va="center", path_effects=halo
        )


def _legend(answers: Answers, shown: Indexes) -> Markup:
    items = [
        element(
            "li",
            element("span", str(number + 1), class_="swatch", style=f"background: {colour}"),
            answers.labels[number],
        )
        for number, colour in zip(shown, class_colours(len(shown)), strict=True)
    ]
    if len(shown) < len(answers.labels):
        items.append(
            element("li", element("span", "", class_="swatch", style="background: #d5dae0"), "others")
        )
    return element("ul", *items, class_="legend")
