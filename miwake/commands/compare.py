"""`miwake compare`: finished runs side by side."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from training.compare import FinishedRun

_HEAD = (
    *("run", "recipe", "seed", "train", "test", "accuracy", "95 % interval", "log loss", "calibration error"),
    *("under threshold", "seconds"),
)
_TEXT_COLUMNS = 2


@click.command()
@click.argument("runs", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="RUN RUN...")
@click.option("--json", "as_json", is_flag=True, help="One JSON document.")
def compare(runs: tuple[Path, ...], *, as_json: bool) -> None:
    """Compare finished runs, the folders that train leaves in runs/.

    Each but the first is tested against the first, on the test images that both have.
    """
    if len({run.resolve() for run in runs}) < max(2, len(runs)):
        raise click.UsageError("name at least two runs, each once")
    from training.compare import compare as compare_runs
    from training.compare import read_run

    finished = [read_run(run) for run in runs]
    pairs = compare_runs(finished)
    if as_json:
        from dataclasses import asdict

        rows = [
            asdict(pair) | {"sentence": pair.sentence(first=pair.first, second=pair.second)} for pair in pairs
        ]
        click.echo(json.dumps({"runs": [run.to_dict() for run in finished], "pairs": rows}))
        return
    for line in _table(finished):
        click.echo(line)
    click.echo()
    for number, pair in enumerate(pairs, start=2):
        click.echo(pair.sentence(first="run 1", second=f"Run {number}"))


def _table(runs: Sequence[FinishedRun]) -> Iterator[str]:
    rows = [_HEAD, *(_row(run, number) for number, run in enumerate(runs, start=1))]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        cells = zip(row, widths, strict=True)
        aligned = (
            cell.ljust(width) if number < _TEXT_COLUMNS else cell.rjust(width)
            for number, (cell, width) in enumerate(cells)
        )
        yield "  ".join(aligned).rstrip()


def _row(run: FinishedRun, number: int) -> tuple[str, ...]:
    low, high = run.accuracy_interval
    return (
        f"{number}  {run.id}",
        run.recipe,
        str(run.seed),
        str(run.train_images),
        str(run.test_images),
        f"{run.accuracy:.4f}",
        f"{low:.4f} to {high:.4f}",
        f"{run.log_loss:.4f}",
        f"{run.calibration_error:.4f}",
        f"{run.below_threshold:.4f}",
        f"{run.seconds:.1f}",
    )
