"""How long it took, and all that is needed to do it again."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from training.networks import weights_origin
from training.progress import FrozenLayers
from training.report.data_section import split_rule
from training.report.markup import Markup, element, facts, paragraph, section
from training.report.recipe_text import recipe_text
from training.run import Run

_RAN: Mapping[FrozenLayers | None, str] = {
    "once": "run once",
    "every epoch": "run every epoch",
    "no room": "run every epoch, as what they give had no room (--cache-bytes)",
    None: "unknown, as an older version began this run",
}


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
        paragraph(_what_it_takes(run)),
        facts(
            [
                ("command", element("code", run.command or "none: it was started from Python")),
                ("seed", str(run.data.seed)),
                ("split", split_rule(run.data)),
                *_frozen_layers(run),
                ("weights to begin with", weights_origin(run.recipe)),
                ("photographs (SHA-256)", element("code", run.data.decoded.dataset_sha256)),
                ("versions", ", ".join(f"{name} {version}" for name, version in run.packages.items())),
            ]
        ),
        element("h3", f"Recipe {run.recipe.name}"),
        element("pre", recipe_text(run.recipe)),
    )


def _what_it_takes(run: Run) -> str:
    """With fixed copies it is the room for them that decides which of two algorithms runs."""
    copied = {n for n, stage in enumerate(run.recipe.stages) if run.recipe.augmentation_of(stage).copies}
    ran = {run.frozen_layers.get(number) for number in copied}
    if "no room" in ran:
        room = ", and again no room for its fixed copies"
    else:
        room = ", and again room for its fixed copies" if "once" in ran else ""
    return f"With the same photographs, versions and machine{room}, the same figures come out."


def _frozen_layers(run: Run) -> Iterator[tuple[str, str]]:
    """How each stage ran those; nothing where none freezes any and no copies were asked for."""
    stages = run.recipe.stages
    if run.recipe.augmentation.copies or any(stage.frozen != "none" for stage in stages):
        texts = (f"stage {number + 1}: {_ran(run, number)}" for number in range(len(stages)))
        yield "frozen layers", "; ".join(texts)


def _ran(run: Run, number: int) -> str:
    stage, copies = run.recipe.stages[number], run.copies(number)
    asked = run.recipe.augmentation_of(stage).copies
    text = "none" if stage.frozen == "none" else _RAN[run.frozen_layers.get(number)]
    if not asked or copies is None:
        return text
    if copies:
        return f"{text}, on {copies} fixed changed copies of each photograph"
    return f"{text}, and pictures changed anew every epoch, not drawn from {asked} fixed copies"


def _width(share: float) -> str:
    return f"width: {share:.1%}"
