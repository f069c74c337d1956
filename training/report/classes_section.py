"""How well each class is recognised."""

from __future__ import annotations

from training.evaluation import ClassFigures, Evaluation, wilson_interval
from training.report.markup import Child, Markup, element, paragraph, section, table

_MOST_LISTED = 40


def classes_section(test: Evaluation) -> Markup:
    """A row a class, the least recognised first."""
    ranked = sorted(test.classes, key=lambda c: (c.recall is None, c.recall or 0, c.precision or 0))
    rows = [_row(test, figures) for figures in ranked[:_MOST_LISTED]]
    rest = len(ranked) - _MOST_LISTED
    more = [paragraph(f"… and {rest} more, better recognised; all are in report.json.")] if rest > 0 else []
    return section(
        "Classes",
        paragraph(
            "Recall is the share of a class's test images that are recognised, with its 95% interval; "
            "precision the share of the answers of a class that are right. The least recognised come first."
        ),
        table(
            ["class", "images", "recall", "", "95% interval", "precision", "mostly taken for"],
            rows,
            class_="figures classes",
        ),
        *more,
    )


def _row(test: Evaluation, figures: ClassFigures) -> list[Child]:
    if figures.recall is None:
        return [figures.label, "0", "-", "", "-", _share(figures.precision), ""]
    low, high = wilson_interval(round(figures.recall * figures.images), of=figures.images)
    return [
        figures.label,
        str(figures.images),
        _share(figures.recall),
        _bar(figures.recall, low, high),
        f"{low:.0%} to {high:.0%}",
        _share(figures.precision),
        _rival(test, test.labels.index(figures.label)),
    ]


def _share(value: float | None) -> str:
    return "-" if value is None else f"{value:.1%}"


def _bar(value: float, low: float, high: float) -> Markup:
    """The value as a bar, its interval as a line over it."""
    return element(
        "div",
        element("div", class_="value", style=f"width: {value:.1%}"),
        element("div", class_="interval", style=f"left: {low:.1%}; width: {high - low:.1%}"),
        class_="bar",
    )


def _rival(test: Evaluation, number: int) -> str:
    others = [(count, label) for label, count in zip(test.labels, test.confusion[number], strict=True)]
    del others[number]
    count, label = max(others, key=lambda pair: pair[0])
    return f"{label} ({count})" if count else ""
