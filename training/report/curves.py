"""Learning curves of all stages, or what is known of a support vector machine."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator, PercentFormatter

from training.progress import HistoryRow
from training.recipe import Recipe
from training.report.drawing import BLUE, GRID, INK, MUTED, ORANGE, add_axes, add_legend, new_figure
from training.report.images import chart
from training.report.markup import Markup, facts, paragraph, section
from training.run import Run
from training.svm import LinearSvm

_LOG_FROM = 20  # times the smallest loss
_FEW_EPOCHS = 15


def curves_section(run: Run) -> Markup:
    """Loss, accuracy and learning rate, epoch by epoch."""
    if run.svm is not None:
        return section("Learning", _svm(run.svm))
    if not run.history:
        return section("Learning", paragraph("No epoch was run."))
    return section("Learning", paragraph(_kept(run.recipe, run.history)), _chart(run.history))


def _svm(svm: LinearSvm) -> Markup:
    converged = "yes" if svm.converged else "no: the limit of iterations ended it"
    return facts(
        [
            ("fit", "a linear support vector machine on the features of the frozen network; no epochs"),
            ("cost C", f"{svm.cost:g}, chosen by cross-validation"),
            ("cross-validation accuracy", f"{svm.cross_validation_accuracy:.1%} ({svm.folds} folds)"),
            ("converged", converged),
        ]
    )


def _kept(recipe: Recipe, history: Sequence[HistoryRow]) -> str:
    last = int(history[-1]["stage"])
    of_stage = [row for row in history if row["stage"] == last]
    best = min(of_stage, key=lambda row: row["val_loss"])
    kept = best if recipe.stages[last - 1].keep == "best" else of_stage[-1]
    rule = "lowest validation loss" if kept is best else "last one"
    of_last = "" if last == 1 else f" of stage {last}"
    return (
        f"{len(history)} epochs, {sum(row['seconds'] for row in history):.0f} s. The weights are those of "
        f"epoch {kept['epoch']:.0f}{of_last}, the {rule}: training accuracy {kept['accuracy']:.1%}, "
        f"validation accuracy {kept['val_accuracy']:.1%}."
    )


def _chart(history: Sequence[HistoryRow]) -> Markup:
    rates_vary = len({row["learning_rate"] for row in history}) > 1
    figure = new_figure(width=11, height=3.6)
    grid = figure.add_gridspec(1, 3 if rates_vary else 2, width_ratios=[4, 4, 2] if rates_vary else [1, 1])
    loss = add_axes(figure, grid[0], title="Loss", x="epoch", y="cross-entropy")
    accuracy = add_axes(figure, grid[1], title="Accuracy", x="epoch", y="")
    accuracy.yaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    _plot(loss, history, "loss")
    _plot(accuracy, history, "accuracy")
    _logarithmic_if_wide(loss, [row[key] for row in history for key in ("loss", "val_loss")])
    if rates_vary:
        rate = add_axes(figure, grid[2], title="Learning rate", x="epoch", y="")
        values = [row["learning_rate"] for row in history]
        rate.plot(_epochs(history), values, color=INK, linewidth=1.5, drawstyle="steps-mid")
        starts = {row["stage"]: row["learning_rate"] for row in reversed(history)}
        _logarithmic_if_wide(rate, list(starts.values()))
        _mark_stages(rate, history)
    return chart(
        figure,
        alt="Loss and accuracy of training and validation images over the epochs",
        caption="Training figures are means over an epoch while the weights change, with augmentation and "
        "dropout at work where the recipe has them; validation figures are taken after it, without.",
    )


def _plot(axes: Axes, history: Sequence[HistoryRow], key: str) -> None:
    marker = "o" if len(history) <= _FEW_EPOCHS else ""
    for name, column, colour in (("training", key, BLUE), ("validation", f"val_{key}", ORANGE)):
        values = [row[column] for row in history]
        axes.plot(
            _epochs(history), values, color=colour, label=name, linewidth=1.8, marker=marker, markersize=4
        )
    _mark_stages(axes, history)
    add_legend(axes)


def _mark_stages(axes: Axes, history: Sequence[HistoryRow]) -> None:
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    stages = [row["stage"] for row in history]
    for number in np.flatnonzero(np.diff(stages)):
        axes.axvline(number + 1.5, color=MUTED, linewidth=1, linestyle=(0, (4, 3)))
        axes.annotate(
            f" stage {stages[number + 1]:.0f}",
            (number + 1.5, 0.98),
            xycoords=("data", "axes fraction"),
            va="top",
            fontsize=8,
            color=MUTED,
        )


def _logarithmic_if_wide(axes: Axes, values: Sequence[float]) -> None:
    if min(values) > 0 and max(values) > _LOG_FROM * min(values):
        axes.set_yscale("log")
        axes.grid(visible=True, which="minor", color=GRID, linewidth=0.4)


def _epochs(history: Sequence[HistoryRow]) -> list[int]:
    return list(range(1, len(history) + 1))
