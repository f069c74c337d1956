"""`miwake evaluate`: how well a published version does on labelled photographs."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from training.evaluation import Evaluation


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
    for line in _lines(evaluation):
        click.echo(line)


def _lines(evaluation: Evaluation) -> Iterator[str]:
    low, high = evaluation.accuracy_interval
    yield f"accuracy {evaluation.accuracy:.4f} (95 % interval {low:.4f} to {high:.4f})"
    yield (
        f"under the threshold of {evaluation.unknown_threshold:g}, so unknown: "
        f"{evaluation.below_threshold:.4f}; accuracy of the others {_figure(evaluation.covered_accuracy)}"
    )
    yield (
        f"log loss {evaluation.log_loss:.4f}, calibration error {evaluation.error_after:.4f} "
        f"({evaluation.error_before:.4f} without the temperature)"
    )
    width = max(len("label"), *map(len, evaluation.labels))
    yield f"  {'label':{width}}  images  precision  recall"
    for row in evaluation.classes:
        if row.images:
            figures = f"{row.images:6}  {_figure(row.precision):>9}  {_figure(row.recall):>6}"
            yield f"  {row.label:{width}}  {figures}"


def _figure(value: float | None) -> str:
    return "-" if value is None else f"{value:.4f}"
