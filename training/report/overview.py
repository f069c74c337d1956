"""The first screen: what it is, how good it is, whether to trust it."""

from __future__ import annotations

from collections.abc import Sequence

from training.report.findings import Finding, verdict
from training.report.markup import Markup, element, paragraph
from training.run import Run

_MARKS = {"good": "✓", "caution": "!", "serious": "✕"}


def overview(run: Run, found: Sequence[Finding]) -> Markup:
    """Name, figures and verdict."""
    return element(
        "header",
        paragraph("miwake · training report", class_="brand"),
        element("h1", run.name),
        paragraph(_what(run), class_="what"),
        element("div", *_figures(run), class_="figures-row"),
        _verdict(found),
    )


def _what(run: Run) -> str:
    classes, total = len(run.data.labels), sum(map(len, run.data.samples.values()))
    spec = run.recipe.image
    return (
        f"{classes} classes learnt from {total:,} photographs by the recipe {run.recipe.name}: "
        f"{run.recipe.network} at {spec.width}x{spec.height} pixels ({spec.fit})."
    )


def _figures(run: Run) -> list[Markup]:
    test = run.evaluations["test"]
    low, high = test.accuracy_interval
    covered = (
        "" if test.covered_accuracy is None else f"; {test.covered_accuracy:.1%} of the others are right"
    )
    return [
        _figure("Test accuracy", f"{test.accuracy:.1%}", f"95% interval {low:.1%} to {high:.1%}", lead=True),
        _figure("Test images", f"{test.images:,}", "seen once, after all choices were made"),
        _figure(
            "Unknown",
            f"{test.below_threshold:.1%}",
            f"have no label above the threshold of {test.unknown_threshold:g}{covered}",
        ),
        _figure(
            "Calibration error",
            f"{test.error_after:.3f}",
            f"{test.error_before:.3f} before the temperature of {run.calibration.temperature:.3g}",
        ),
        _figure("Log loss", f"{test.log_loss:.3f}", "nats; 0 is perfect"),
        _figure("Time", _duration(sum(run.seconds.values())), "from decoding to evaluation"),
    ]


def _figure(name: str, value: str, note: str, *, lead: bool = False) -> Markup:
    return element(
        "div",
        element("span", name, class_="name"),
        element("strong", value),
        element("span", note, class_="note"),
        class_="figure lead" if lead else "figure",
    )


def _duration(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes} min"
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"


def _verdict(found: Sequence[Finding]) -> Markup:
    gravest = found[0].weight
    items = (
        element(
            "li",
            element("span", _MARKS[one.weight], class_="mark"),
            element("span", one.text),
            class_=one.weight,
        )
        for one in found
    )
    return element(
        "div",
        element("h2", "Whether to trust it"),
        paragraph(verdict(found), class_="verdict-line"),
        element("ul", *items),
        class_=f"verdict {gravest}",
    )
