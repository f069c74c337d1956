"""Charts in one hand: colours, axes, sizes. No text of the user's is drawn, as fonts lack most scripts."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.figure import Figure

INK, MUTED, GRID = "#1f2933", "#66727f", "#e3e7eb"
BLUE, ORANGE, RED, PALE, MISSING = "#2f6db3", "#d9822b", "#c23b3b", "#a9c4e4", "#eebcbc"
_FONT_SIZE = 10  # points
_TEN = 10
_TWENTY = 20


def new_figure(*, width: float, height: float) -> Figure:
    """An empty figure; inches, 72 to the reader's 96 pixels."""
    return Figure(figsize=(width, height), layout="constrained")


def add_axes(figure: Figure, place: Any, *, title: str, x: str, y: str) -> Axes:
    """Axes with a light grid and names; `place` as `Figure.add_subplot` takes it."""
    axes = figure.add_subplot(place)
    axes.set_title(title, loc="left", fontsize=_FONT_SIZE + 1, color=INK, fontweight="bold")
    axes.set_xlabel(x, fontsize=_FONT_SIZE, color=MUTED)
    axes.set_ylabel(y, fontsize=_FONT_SIZE, color=MUTED)
    axes.tick_params(labelsize=_FONT_SIZE - 1, colors=MUTED, length=0)
    axes.grid(visible=True, color=GRID, linewidth=0.8)
    axes.set_axisbelow(True)
    for spine in axes.spines.values():
        spine.set_color(GRID)
    axes.spines[["top", "right"]].set_visible(False)
    return axes


def add_legend(axes: Axes) -> None:
    """A legend without a frame."""
    axes.legend(fontsize=_FONT_SIZE - 1, frameon=False, labelcolor=INK)


def class_colours(count: int) -> list[str]:
    """Colours that differ as much as so many can, as `#rrggbb`."""
    if count <= _TEN:
        values = colormaps["tab10"](np.arange(count))
    elif count <= _TWENTY:
        values = colormaps["tab20"](np.arange(count))
    else:
        values = colormaps["hsv"](np.linspace(0, 1, count, endpoint=False))
    return ["#" + "".join(f"{round(255 * channel):02x}" for channel in value[:3]) for value in values]
