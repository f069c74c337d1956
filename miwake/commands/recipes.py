"""`miwake recipes`: what `miwake train --recipe` takes."""

from __future__ import annotations

import textwrap

import click


@click.command()
def recipes() -> None:
    """List the recipes that come with miwake.

    Each is a TOML file in training/recipes/; train --recipe takes a file of your own as well.
    """
    from training.default_recipe import DEFAULT_OF_MANY_SMALL_PICTURES, DEFAULT_RECIPE
    from training.recipe_files import recipe_names, recipe_summary

    remarks = {
        DEFAULT_RECIPE: " (the default)",
        DEFAULT_OF_MANY_SMALL_PICTURES: " (the default of many small pictures)",
    }
    for name in recipe_names():
        click.echo(name + remarks.get(name, ""))
        click.echo(textwrap.indent(recipe_summary(name), "    ") + "\n")
