"""`miwake recipes`: what `miwake train --recipe` takes."""

from __future__ import annotations

import textwrap

import click


@click.command()
def recipes() -> None:
    """List the recipes that come with miwake.

    Each is a TOML file in training/recipes/; train --recipe takes a file of your own as well.
    """
    from training.recipe_files import DEFAULT_RECIPE, recipe_names, recipe_summary

    for name in recipe_names():
        click.echo(f"{name} (the default)" if name == DEFAULT_RECIPE else name)
        click.echo(textwrap.indent(recipe_summary(name), "    ") + "\n")
