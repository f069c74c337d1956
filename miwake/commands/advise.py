"""`miwake advise`: which recipe suits these photographs."""

from __future__ import annotations

import json
import shlex
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from training.advice.advise import Advice

_MINUTE, _HOUR = 60, 3600


@click.command()
@click.argument("photographs", type=click.Path(path_type=Path))
@click.option(
    "--seed", type=click.IntRange(0, 2**32 - 4), default=0, show_default=True, help="Of the sample."
)
@click.option(
    "--cache", type=click.Path(path_type=Path), help="For decoded pixels. [default: ~/.cache/miwake]"
)
@click.option("--json", "as_json", is_flag=True, help="One JSON document.")
def advise(photographs: Path, *, seed: int, cache: Path | None, as_json: bool) -> None:
    """Recommend a recipe for PHOTOGRAPHS, a folder for each class, and say why.

    At most 400 of them are looked at; nothing is trained but linear classifiers on a network's features.
    """
    from modelserver.quiet_import import import_quietly

    import_quietly("tensorflow")
    from training.advice.advise import advise as run

    advice = run(photographs, seed=seed, cache=cache)
    for entry in advice.unreadable:
        click.echo(f"left out: {entry.path}: {entry.detail} [{entry.code}]", err=True)
    if as_json:
        click.echo(json.dumps(advice.to_dict()))
    else:
        _show(advice, photographs)


def _show(advice: Advice, photographs: Path) -> None:
    facts = advice.facts
    counts = (
        f"{facts.smallest:,}"
        if facts.smallest == facts.largest
        else f"{facts.smallest:,} to {facts.largest:,}"
    )
    click.echo(f"{facts.images:,} photographs, {facts.classes} classes of {counts} to learn from")
    for reason in advice.reasons:
        click.echo(f"- {reason}")
    click.echo("estimated time on this machine:")
    width = max(map(len, advice.estimated_seconds))
    for recipe, seconds in advice.estimated_seconds.items():
        mark = "  <- recommended" if recipe == advice.recipe else ""
        click.echo(f"  {recipe:{width}}  at most {_duration(seconds)}{mark}")
    weights = " --class-weights" if advice.class_weights else ""
    folder = shlex.quote(str(photographs))
    click.echo(f"miwake train {folder} --recipe {advice.recipe}{weights} --name NAME --models MODELS")


def _duration(seconds: float) -> str:
    if seconds < 2 * _MINUTE:
        return f"{seconds:.0f} s"
    return f"{seconds / _MINUTE:.0f} min" if seconds < 2 * _HOUR else f"{seconds / _HOUR:.1f} h"
