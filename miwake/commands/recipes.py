"""`miwake recipes`: what `miwake train --recipe` takes."""

from __future__ import annotations

import textwrap

import click


@click.command()
def recipes() -> None:
    """List the recipes that come with miwake."""
    from training.recipe import recipe_names, recipe_summary

    for name in recipe_names():
        click.echo(name)
        click.echo(textwrap.indent(recipe_summary(name), "    ") + "\n")
