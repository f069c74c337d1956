"""How long it took, and all that is needed to do it again."""

from __future__ import annotations

from training.report.data_section import split_rule
from training.report.markup import Markup, element, facts, paragraph, section
from training.report.recipe_text import recipe_text
from training.run import Run


def timings_section(run: Run) -> Markup:
    """Seconds by phase, as bars."""
    longest = max(run.seconds.values(), default=0.0) or 1.0
    rows = [
        element(
            "tr",
            element("td", phase),
            element("td", f"{seconds:.1f} s"),
            element(
                "td",
                element("div", element("div", class_="value", style=_width(seconds / longest)), class_="bar"),
            ),
        )
        for phase, seconds in run.seconds.items()
    ]
    return section("Timings", element("table", *rows, class_="timings"))


def repeat_section(run: Run) -> Markup:
    """Command, recipe, seed, digest, versions."""
    return section(
        "To repeat this run",
        paragraph("With the same photographs, versions and machine, the same figures come out."),
        facts(
            [
                ("command", element("code", run.command or "none: it was started from Python")),
                ("seed", str(run.data.seed)),
                ("split", split_rule(run.data)),
                ("photographs (SHA-256)", element("code", run.data.decoded.dataset_sha256)),
                ("versions", ", ".join(f"{name} {version}" for name, version in run.packages.items())),
            ]
        ),
        element("h3", f"Recipe {run.recipe.name}"),
        element("pre", recipe_text(run.recipe)),
    )


def _width(share: float) -> str:
    return f"width: {share:.1%}"
