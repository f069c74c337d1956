"""`miwake models`: look after a folder of models, its versions and its aliases."""

from __future__ import annotations

import sys
from pathlib import Path

import click

_FOLDER = click.Path(exists=True, file_okay=False, path_type=Path)


@click.group()
def models() -> None:
    """Check, publish, promote and roll back the versions in a folder of models."""


@models.command()
@click.argument("folder", type=_FOLDER)
@click.option("--load", is_flag=True, help="Load every version and replay its golden examples too.")
def lint(folder: Path, *, load: bool) -> None:
    """Say what is wrong with a folder of models.

    Or with that of one model or one version. A line each, an error or a warning; the status is 1 where there
    is an error.
    """
    from modelserver.finding import Level
    from modelserver.models_lint import lint

    findings = lint(folder)
    if load:
        from scoring.load_test import load_test

        broken = {finding.where for finding in findings if finding.level is Level.ERROR}
        findings += load_test(folder, leave_out=broken)
    for finding in findings:
        click.echo(str(finding))
    if any(finding.level is Level.ERROR for finding in findings):
        sys.exit(1)


@models.command()
@click.argument("folder", metavar="DIR", type=click.Path(file_okay=False, path_type=Path))
@click.argument("version_folder", type=_FOLDER)
@click.option(
    "--as",
    "number",
    type=click.IntRange(0),
    metavar="N",
    help="The version to publish it as.  [default: the name of VERSION_FOLDER, or the next where that is "
    "no number]",
)
def publish(folder: Path, version_folder: Path, *, number: int | None) -> None:
    """Copy a finished version into DIR.

    It appears as DIR/<model>/<N>, all at once; a version that is there is never replaced.
    """
    from modelserver.models_publish import publish

    published = publish(folder, version_folder, number=number)
    click.echo(f"{published.model} version {published.version}: {published.folder}")
    if not published.is_named:
        where = folder / "models.toml"
        click.echo(f"warning: {where} does not name {published.model}: it is not served", err=True)


@models.command()
@click.argument("folder", metavar="DIR", type=_FOLDER)
@click.argument("model")
@click.argument("version", type=click.IntRange(0))
@click.option("--alias", default="stable", show_default=True, help="The alias to give it.")
def promote(folder: Path, model: str, version: int, *, alias: str) -> None:
    """Let an alias stand for a version.

    In DIR/models.toml, which is written where there is none. What was stable becomes `previous`.
    """
    from modelserver.models_edit import promote

    promote(folder, model, version, alias=alias)
    click.echo(f"{model} {alias}: version {version}")


@models.command()
@click.argument("folder", metavar="DIR", type=_FOLDER)
@click.argument("model")
def rollback(folder: Path, model: str) -> None:
    """Make the previous version stable again.

    What was stable becomes `previous`, so that once more undoes it.
    """
    from modelserver.models_edit import rollback

    click.echo(f"{model} stable: version {rollback(folder, model)}")


@models.command()
@click.argument("folder", metavar="DIR", type=_FOLDER)
def config(folder: Path) -> None:
    """Write models.config anew.

    After models.toml was changed by hand, or a version came in by another way than `publish`.
    """
    from modelserver.models_config import CONFIG_NAME, write_config
    from modelserver.models_edit import locked

    with locked(folder):
        write_config(folder)
    click.echo(f"{folder / CONFIG_NAME}")
