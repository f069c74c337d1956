"""`miwake split`: photographs into train/, validation/ and test/."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from training.photographs import Photograph
    from training.shares import Share


def _share(text: str) -> Share:
    """A whole number of images of each class, or a fraction of them."""
    from training.shares import Count, Fraction

    if text.isdecimal():
        return Count(int(text))
    try:
        fraction = float(text)
    except ValueError as exc:
        raise click.BadParameter(f"{text!r} is neither a whole number nor a fraction") from exc
    if not 0 <= fraction <= 1:
        raise click.BadParameter(f"{text} is no fraction from 0 to 1")
    return Fraction(fraction)


@click.command()
@click.argument("source", type=click.Path(path_type=Path))
@click.argument("out", type=click.Path(path_type=Path))
@click.option(
    "--ranges",
    type=click.Path(path_type=Path),
    help="SOURCE is a flat folder of numbered files, and a line of this text, as in 'Tulip 1-80', says which "
    "are of which class.",
)
@click.option("--train", type=_share, metavar="N|FRACTION", help="Of each class. [default: the rest]")
@click.option(
    "--validation",
    type=_share,
    metavar="N|FRACTION",
    default="0.15",
    show_default=True,
    help="Of each class.",
)
@click.option(
    "--test", type=_share, metavar="N|FRACTION", default="0.15", show_default=True, help="Of each class."
)
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True)
@click.option(
    "--folds",
    type=click.IntRange(min=1),
    default=1,
    show_default=True,
    help="As many trees, OUT/fold-1 and so on, whose test/ have no photograph in common.",
)
@click.option("--classes", metavar="A,B,C", help="Only these.")
def split(  # noqa: PLR0913 - one argument an option
    source: Path,
    out: Path,
    *,
    ranges: Path | None,
    train: Share | None,
    validation: Share,
    test: Share,
    seed: int,
    folds: int,
    classes: str | None,
) -> None:
    """Make a tree OUT with train/, validation/ and test/ from SOURCE, a folder for each class.

    A whole number is images of each class, a fraction a share of them. Files of equal bytes stay together and
    count as one. OUT holds hard links where the file system can, which take no room: to change a file in one
    place changes it in the other.
    """
    from training.shares import Shares
    from training.split_folder import split_folder

    result = split_folder(
        source,
        out,
        shares=Shares(train=train, validation=validation, test=test, folds=folds),
        seed=seed,
        ranges=ranges,
        classes=_names(classes),
    )
    for entry in result.left_out:
        click.echo(f"left out: {entry.path}: {entry.detail} [{entry.code}]", err=True)
    for number, fold in enumerate(result.folds, start=1):
        click.echo(_line(out / f"fold-{number}" if folds > 1 else out, fold))
    click.echo("all files are hard links" if result.linked else "files are copies")


def _names(classes: str | None) -> tuple[str, ...]:
    return tuple(name.strip() for name in (classes or "").split(",") if name.strip())


def _line(folder: Path, photographs: tuple[Photograph, ...]) -> str:
    counts = Counter(photograph.split for photograph in photographs)
    classes = len({photograph.label for photograph in photographs})
    of_split = ", ".join(f"{split} {counts[split]}" for split in ("train", "validation", "test"))
    return f"{folder}: {of_split} photographs of {classes} classes"
