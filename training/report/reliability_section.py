"""Whether a stated probability is the share of right answers, before and after the temperature."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter

from training.calibration import softmax
from training.reliability import BINS, ReliabilityBin, reliability
from training.report.answers import Answers
from training.report.drawing import BLUE, INK, MISSING, MUTED, PALE, add_axes, new_figure
from training.report.images import chart
from training.report.markup import Markup, facts, paragraph, section
from training.run import Run


def reliability_section(run: Run, answers: Answers) -> Markup:
    """The diagram and what was fitted."""
    calibration, test = run.calibration, run.evaluations["test"]
    before = reliability(softmax(run.logits["test"]), answers.truth)
    after = reliability(answers.probabilities, answers.truth)
    which = "validation images" if run.svm is None else "training images, each by a fold without it"
    rows = [
        ("temperature", f"{calibration.temperature:.4g}, fitted on {calibration.images:,} {which}"),
        ("calibration error, test", f"{test.error_before:.4f} before, {test.error_after:.4f} after"),
        (
            "calibration error, fitted on",
            f"{calibration.error_before:.4f} before, {calibration.error_after:.4f} after",
        ),
        (
            "threshold for unknown",
            f"{calibration.unknown_threshold:g}: answers {1 - test.below_threshold:.1%} of the test images",
        ),
    ]
    return section(
        "Reliability",
        paragraph(
            "Of the answers given with a probability of about 80%, about 80% should be right: the bars "
            "should end at the dashed line. Bars of few images stray by chance."
        ),
        chart(
            _figure(before, after),
            alt="Share of right answers against stated probability, before and after the temperature",
            caption="Test images, 15 bins; below, how many images lie in each.",
        ),
        facts(rows),
        *map(paragraph, calibration.notes),
    )


def _figure(before: Sequence[ReliabilityBin], after: Sequence[ReliabilityBin]) -> Figure:
    figure = new_figure(width=11, height=5)
    grid = figure.add_gridspec(2, 2, height_ratios=[4, 1])
    for column, (title, bins) in enumerate((("Before", before), ("After the temperature", after))):
        diagram = add_axes(figure, grid[0, column], title=title, x="", y="right answers")
        _diagram(diagram, bins)
        _histogram(add_axes(figure, grid[1, column], title="", x="top probability", y="images"), bins)
    handles, names = diagram.get_legend_handles_labels()
    figure.legend(
        handles, names, loc="outside lower center", ncols=3, frameon=False, fontsize=9, labelcolor=INK
    )
    return figure


def _diagram(axes: Axes, bins: Sequence[ReliabilityBin]) -> None:
    centres, width = _centres(bins)
    accuracy = np.array([one.accuracy for one in bins])
    confidence = np.array([one.confidence for one in bins])
    both = np.minimum(accuracy, confidence)
    axes.bar(centres, both, width, color=BLUE, label="right, as stated")
    missing, more = np.maximum(confidence - accuracy, 0), np.maximum(accuracy - confidence, 0)
    axes.bar(centres, missing, width, bottom=both, color=MISSING, label="missing: over-confident")
    axes.bar(centres, more, width, bottom=both, color=PALE, label="right beyond what was stated")
    axes.plot([0, 1], [0, 1], color=INK, linewidth=1, linestyle=(0, (4, 3)))
    axes.set_ylim(0, 1.02)
    _share_axis(axes)
    axes.yaxis.set_major_formatter(PercentFormatter(1, decimals=0))


def _histogram(axes: Axes, bins: Sequence[ReliabilityBin]) -> None:
    centres, width = _centres(bins)
    bars = axes.bar(centres, [one.images for one in bins], width, color=MUTED)
    axes.bar_label(bars, fontsize=8, color=INK, padding=1)
    axes.margins(y=0.35)
    _share_axis(axes)


def _share_axis(axes: Axes) -> None:
    axes.set_xlim(0, 1)
    axes.xaxis.set_major_formatter(PercentFormatter(1, decimals=0))


def _centres(bins: Sequence[ReliabilityBin]) -> tuple[npt.NDArray[np.float64], float]:
    return np.array([(one.low + one.high) / 2 for one in bins]), 0.9 / BINS
