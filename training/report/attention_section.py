"""Grad-CAM side by side with the pictures, and how much of it falls on padding."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from matplotlib import colormaps

from training.report.answers import Answers
from training.report.attention import Look, padding_heat
from training.report.images import photograph, tile, tiles
from training.report.markup import Child, Markup, element, joined, paragraph, section, table
from training.report.padding import PaddingHeat
from training.report.pictures_section import caption

_COLUMNS = 4
_SHADE, _GLOW = 0.25, 0.5  # weight of the colours where there is no heat, and what heat adds


def attention_section(answers: Answers, looks: Sequence[Look]) -> Markup:
    """Right answers, wrong answers, and the share of heat on padding."""
    right = [look for look in looks if answers.right[look.index]]
    wrong = [look for look in looks if not answers.right[look.index]]
    return section(
        "What it looked at",
        paragraph(
            "Grad-CAM: bright is what spoke for the answer that was given. The map is as coarse as the layer "
            "it is read from, so a blur over an edge means little."
        ),
        _padding(looks, right=right, wrong=wrong),
        *_shown("Wrong answers", answers, wrong),
        *_shown("Right answers", answers, right),
    )


def overlay(pixels: npt.NDArray[np.uint8], heatmap: npt.NDArray[np.float32]) -> npt.NDArray[np.uint8]:
    """The picture in gray under the colours of the heat: uint8 [H, W, 3]."""
    gray = pixels.astype(np.float64) @ (0.299, 0.587, 0.114)  # ITU-R BT.601
    colours = colormaps["inferno"](heatmap)[..., :3] * 255
    weight = (_SHADE + _GLOW * heatmap)[..., None]
    mixed: npt.NDArray[np.uint8] = np.rint((1 - weight) * gray[..., None] + weight * colours).astype(np.uint8)
    return mixed


def _padding(looks: Sequence[Look], *, right: Sequence[Look], wrong: Sequence[Look]) -> Markup:
    if padding_heat(looks) is None:
        return paragraph(
            element("b", "Padding: "),
            f"none of the {len(looks)} images below has any, so no heat can fall on it.",
        )
    rows = [
        _row(name, figures)
        for name, chosen in (("all", looks), ("right answers", right), ("wrong answers", wrong))
        if (figures := padding_heat(chosen)) is not None
    ]
    return joined(
        [
            element("h3", "Is it looking at the picture or at the padding?"),
            paragraph(
                "Padding is what plain bars of one colour along the edges take. A network that paid no heed "
                "to it either way would have as much heat there as it has area. A plain backdrop counts too."
            ),
            table(["", "images with padding", "of their area", "of the heat", "heat / area"], rows),
        ]
    )


def _row(name: str, figures: PaddingHeat) -> list[Child]:
    ratio = f"{figures.heat / figures.area:.2f}"
    return [name, str(figures.images), f"{figures.area:.1%}", f"{figures.heat:.1%}", ratio]


def _shown(title: str, answers: Answers, looks: Sequence[Look]) -> list[Markup]:
    if not looks:
        return []
    return [element("h3", title), tiles([_one(answers, look) for look in looks], columns=_COLUMNS)]


def _one(answers: Answers, look: Look) -> Markup:
    pixels = answers.pixels(look.index)
    images = (
        photograph(pixels, alt=answers.photographs[look.index].relative),
        photograph(overlay(pixels, look.heatmap), alt="heat map"),
    )
    return tile(
        *images,
        caption=joined([caption(answers, look.index), element("span", _heat(look), class_="truth")]),
        wrong=not answers.right[look.index],
    )


def _heat(look: Look) -> str:
    if not look.heatmap.any():
        return "nothing spoke for this answer"
    if not look.padding.any():
        return ""
    return f"padding: area {look.area_on_padding:.0%}, heat {look.heat_on_padding:.0%}"
