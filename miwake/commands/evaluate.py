"""`miwake evaluate`: how well a published version does on labelled photographs."""

from __future__ import annotations

import json
from pathlib import Path

import click


@click.command()
@click.argument("model", type=click.Path(path_type=Path))
@click.argument("photographs", type=click.Path(path_type=Path))
@click.option(
    "--cache", type=click.Path(path_type=Path), help="For decoded pixels. [default: ~/.cache/miwake]"
)
@click.option("--json", "as_json", is_flag=True, help="One JSON document.")
def evaluate(model: Path, photographs: Path, *, cache: Path | None, as_json: bool) -> None:
    """Measure MODEL on PHOTOGRAPHS.

    MODEL is a model's folder (its newest version) or one version's; PHOTOGRAPHS a folder for each class,
    of which test/ is taken where there is one. Photographs that MODEL was trained on are left out.
    """
    from modelserver.quiet_import import import_quietly

    import_quietly("tensorflow")
    from training.evaluate import evaluate as run

    result = run(model, photographs, cache=cache)
    for entry in result.unreadable:
        click.echo(f"left out: {entry.path}: {entry.detail} [{entry.code}]", err=True)
    evaluation = result.evaluation
    if as_json:
        facts = {"version": str(result.version), "left_out_as_trained_on": result.trained_on}
        click.echo(json.dumps(facts | evaluation.to_dict()))
        return
    if result.trained_on:
        click.echo(f"left out: {result.trained_on} photographs the model was trained on")
    click.echo(f"{result.version}: {evaluation.images} images")
    click.echo(f"accuracy {evaluation.accuracy:.4f}, log loss {evaluation.log_loss:.4f}")
    width = max(map(len, evaluation.recall))
    for label, recall in evaluation.recall.items():
        click.echo(f"  {label:{width}}  {recall:.4f}")
