"""The recipes' figures on real photographs: trains what has no finished run yet, prints a table of all.

    make figures FLOWERS=... MNIST=... VGG16=... DENSENET121=...

FLOWERS is the Oxford 17 Flowers, a folder for each class; MNIST its four idx files; the weights are files
of keras.applications without the top. Hours on two cores. What is interrupted goes on when called again.
"""

from __future__ import annotations

import json
import math
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import click

from training.evaluation import wilson_interval
from training.recipe_files import load_recipe

_MIWAKE = (sys.executable, "-m", "miwake")
_FOLDS, _FOLDS_OF_TWO = 5, 3
_A_CLASS = ("--train", "60", "--validation", "10", "--test", "10")
_YELLOW = "buttercup,coltsfoot,cowslip,daffodil,dandelion,sunflower"
_TWO = "buttercup,cowslip"
_TWO_A_CLASS = ("--train", "52", "--validation", "2", "--test", "26")  # 67 to 33, as the source splits
# Runs whose test parts have nothing in common: their answers are counted together.
_POOLED = ("lin", "fine", "two-svm", "two-fine")


@dataclass(frozen=True, kw_only=True)
class Row:
    """One training run.

    Attributes:
        name: of the model.
        data: a key of what `_data` prepares.
        recipe: its name.
        weights: a key of the weights given, or empty for the recipe's own.
    """

    name: str
    data: str
    recipe: str
    weights: str = ""


def rows() -> Iterator[Row]:
    """All of them, quick ones first."""
    for fold in range(1, _FOLDS + 1):
        yield Row(name=f"lin-{fold}", data=f"folds/fold-{fold}", recipe="efficientnet-lite0-linear")
    yield Row(name="early-linear", data="folds/fold-1", recipe="efficientnet-lite0-early-linear")
    for fold in range(1, _FOLDS_OF_TWO + 1):
        data = f"two/fold-{fold}"
        yield Row(name=f"two-svm-{fold}", data=data, recipe="vgg16-svm", weights="vgg16")
        yield Row(name=f"two-fine-{fold}", data=data, recipe="efficientnet-lite0-finetune")
    yield Row(name="yellow-lin", data="yellow", recipe="efficientnet-lite0-linear")
    yield Row(name="yellow-fine", data="yellow", recipe="efficientnet-lite0-finetune")
    yield Row(name="yellow-cnn4", data="yellow", recipe="cnn4")
    yield Row(name="yellow-two-stage", data="yellow", recipe="vgg16-two-stage", weights="vgg16")
    yield Row(
        name="yellow-two-stage-preprocessed",
        data="yellow",
        recipe="vgg16-two-stage-preprocessed",
        weights="vgg16",
    )
    for fold in range(1, _FOLDS + 1):
        yield Row(name=f"fine-{fold}", data=f"folds/fold-{fold}", recipe="efficientnet-lite0-finetune")
    yield Row(name="cnn3", data="folds/fold-1", recipe="cnn3")
    yield Row(name="yellow-cnn4-augment", data="yellow", recipe="cnn4-augment")
    yield Row(name="yellow-cnn4-mixup", data="yellow", recipe="cnn4-mixup")
    yield Row(
        name="yellow-two-stage-augment", data="yellow", recipe="vgg16-two-stage-augment", weights="vgg16"
    )
    yield Row(
        name="yellow-two-stage-augment-preprocessed",
        data="yellow",
        recipe="vgg16-two-stage-augment-preprocessed",
        weights="vgg16",
    )
    yield Row(name="fc256", data="folds/fold-1", recipe="vgg16-fc256", weights="vgg16")
    yield Row(name="fc256-copies", data="folds/fold-1", recipe="vgg16-fc256-copies", weights="vgg16")
    yield Row(
        name="fc256-preprocessed", data="folds/fold-1", recipe="vgg16-fc256-preprocessed", weights="vgg16"
    )
    yield Row(name="mnist-small-pictures", data="mnist", recipe="efficientnet-lite0-small-pictures")
    for recipe in ("densenet121-rgb-short", "densenet121-gray-adapter-short"):
        yield Row(name=recipe, data="mnist", recipe=recipe, weights="densenet121")


@click.command()
@click.option("--flowers", type=click.Path(exists=True, path_type=Path))
@click.option("--mnist", type=click.Path(exists=True, path_type=Path))
@click.option("--vgg16", type=click.Path(exists=True, path_type=Path))
@click.option("--densenet121", type=click.Path(exists=True, path_type=Path))
@click.option("--work", type=click.Path(path_type=Path), default=Path("figures"), show_default=True)
@click.option("--only", multiple=True, help="Names of rows. [default: all whose data is given]")
def main(  # noqa: PLR0913 - one argument an option
    *,
    flowers: Path | None,
    mnist: Path | None,
    vgg16: Path | None,
    densenet121: Path | None,
    work: Path,
    only: Sequence[str],
) -> None:
    """Train the rows that lack a finished run and print the table."""
    data = _data(work, flowers=flowers, mnist=mnist)
    weights = {"": None, "vgg16": vgg16, "densenet121": densenet121}
    for row in rows():
        possible = row.data in data and (not row.weights or weights[row.weights])
        if possible and (not only or row.name in only) and _report(work, row) is None:
            _train(row, data[row.data], weights[row.weights], work)
    for line in _table(work):
        click.echo(line)


def _data(work: Path, *, flowers: Path | None, mnist: Path | None) -> dict[str, Path]:
    """Folders of photographs by key; what is made of the flowers is made once."""
    prepared = {} if mnist is None else {"mnist": mnist}
    if flowers is not None:
        _split(flowers, work / "folds", *_A_CLASS, "--folds", str(_FOLDS))
        _split(flowers, work / "yellow", *_A_CLASS, "--classes", _YELLOW)
        _split(flowers, work / "two", *_TWO_A_CLASS, "--folds", str(_FOLDS_OF_TWO), "--classes", _TWO)
        prepared["yellow"] = work / "yellow"
        prepared |= {f"folds/fold-{n}": work / "folds" / f"fold-{n}" for n in range(1, _FOLDS + 1)}
        prepared |= {f"two/fold-{n}": work / "two" / f"fold-{n}" for n in range(1, _FOLDS_OF_TWO + 1)}
    return prepared


def _split(source: Path, target: Path, *options: str) -> None:
    if not target.exists():
        target.parent.mkdir(parents=True, exist_ok=True)
        subprocess.run([*_MIWAKE, "split", source, target, *options], check=True)


def _train(row: Row, data: Path, weights: Path | None, work: Path) -> None:
    options: list[str | Path] = ["--name", row.name, "--recipe", row.recipe]
    options += [] if weights is None else ["--weights", weights]
    options += ["--models", work / "models", "--runs", work / "runs"]
    subprocess.run([*_MIWAKE, "train", data, *options], check=True)


def _report(work: Path, row: Row) -> dict[str, Any] | None:
    """The figures of the newest finished run of that name and of the recipe as it is now."""
    wanted = _values(asdict(load_recipe(row.recipe)))
    for path in sorted(work.glob("runs/*/report.json"), reverse=True):
        report: dict[str, Any] = json.loads(path.read_text("utf-8"))
        if report["name"] == row.name and _values(report["recipe_values"]) == wanted:
            return report | {"wall_seconds": math.fsum(report["seconds"].values())}
    return None


def _values(recipe: Mapping[str, Any]) -> Any:
    """As JSON holds them; weights may be a file of any path."""
    return json.loads(json.dumps({key: value for key, value in recipe.items() if key != "weights"}))


def _table(work: Path) -> Iterator[str]:
    yield "| run | recipe | test images | accuracy | 95 % interval | calibration error | seconds |"
    yield "|---|---|---|---|---|---|---|"
    for row in rows():
        report = _report(work, row)
        if report is not None:
            test, seconds = report["test"], report["wall_seconds"]
            low, high = test["accuracy_interval"]
            yield (
                f"| {row.name} | {row.recipe} | {test['images']} | {test['accuracy']:.4f} | "
                f"{low:.3f} to {high:.3f} | {test['error_after']:.3f} | {seconds:.0f} |"
            )
    for prefix in _POOLED:
        yield from _pooled(work, prefix)


def _pooled(work: Path, prefix: str) -> Iterator[str]:
    """The folds together, where all are there: their test parts are disjoint."""
    wanted = [row for row in rows() if row.name.startswith(f"{prefix}-")]
    reports = [report for row in wanted if (report := _report(work, row)) is not None]
    if len(reports) != len(wanted):
        return
    images = sum(report["test"]["images"] for report in reports)
    right = sum(round(report["test"]["accuracy"] * report["test"]["images"]) for report in reports)
    low, high = wilson_interval(right, of=images)
    yield (
        f"| {prefix}-1 to {prefix}-{len(wanted)} together | {wanted[0].recipe} | {images} | "
        f"{right / images:.4f} | {low:.3f} to {high:.3f} | | |"
    )


if __name__ == "__main__":
    main()
