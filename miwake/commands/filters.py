"""`miwake filters`: pictures of what a published version has learned."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from training.filters.ascent import Ascent
    from training.filters.deep_dream import Dream
    from training.filters.network import Network
    from training.filters.target import Target

_DREAM_SIDE = 640  # pixels
_FIRST = 16
_SMALLEST_SIDE, _LARGEST_SIDE = 8, 2048


def _numbers(_context: click.Context, _option: click.Parameter, value: str | None) -> tuple[int, ...] | None:
    """`16` for the first sixteen, `0-15`, or `3,7,12`."""
    if value is None:
        return None
    try:
        first, dash, last = value.partition("-")
        if "," in value:
            numbers = tuple(int(part) for part in value.split(",") if part)
        else:
            numbers = tuple(range(int(first), int(last) + 1) if dash else range(int(first)))
    except ValueError:
        numbers = ()
    if not numbers:
        raise click.BadParameter(f"{value!r} is no count (16), range (0-15) or list (3,7,12)")
    return numbers


@click.command()
@click.argument("model", type=click.Path(path_type=Path))
@click.option("--layer", help="A convolution. [default: the last of at least a cell for 16 pixels]")
@click.option(
    "--filters",
    callback=_numbers,
    metavar="N|A-B|A,B,…",
    help="Of the layer. [default: the first 16; of a dream all]",
)
@click.option("--class", "labels", multiple=True, help="Instead of a layer; may be repeated.")
@click.option("--classes", "all_labels", is_flag=True, help="All of them.")
@click.option(
    "--dream", type=click.Path(path_type=Path), metavar="PHOTO", help="Deep Dream from a photograph."
)
@click.option(
    "--out", required=True, type=click.Path(path_type=Path), metavar="FILE.png|DIR", help="What to write."
)
@click.option(
    "--size",
    type=click.IntRange(_SMALLEST_SIDE, _LARGEST_SIDE),
    help="Pixels a side. [default: the model's own; the longer side of a dream: 640]",
)
@click.option(
    "--steps", type=click.IntRange(1), help="Of the ascent. [default: 200; of a dream 15 an octave]"
)
@click.option(
    "--tv",
    type=click.FloatRange(0),
    default=10.0,
    show_default=True,
    help="Weight of the total variation: smoothness of what starts from noise.",
)
@click.option("--seed", type=click.IntRange(0, 2**32 - 1), default=0, show_default=True)
def filters(  # noqa: PLR0913 - one argument an option
    model: Path,
    *,
    layer: str | None,
    filters: tuple[int, ...] | None,
    labels: tuple[str, ...],
    all_labels: bool,
    dream: Path | None,
    out: Path,
    size: int | None,
    steps: int | None,
    tv: float,
    seed: int,
) -> None:
    """Draw what filters or classes of MODEL answer most to.

    MODEL is a model's folder (its newest version) or one version's. Each picture starts from noise and is
    changed until the filter's mean answer, or the class's logit, is large. With --dream the start is a
    photograph, which is filled with what the layer or the class sees in it.
    """
    if (labels or all_labels) and (layer or filters):
        raise click.UsageError("choose --layer and --filters, or --class")
    from modelserver.quiet_import import import_quietly

    import_quietly("tensorflow")
    from training.filters.ascent import Ascent
    from training.filters.deep_dream import Dream
    from training.filters.network import open_network

    network = open_network(model)
    if all_labels:
        labels = network.manifest.labels
    target = _target(network, layer=layer, filters=filters, labels=labels, dream=dream is not None)
    if dream is None:
        ascent = Ascent(seed=seed, tv=tv)
        _draw(network, target, replace(ascent, steps=steps or ascent.steps), out=out, size=size)
    else:
        dreaming = Dream(seed=seed)
        _dream(dream, target, replace(dreaming, steps=steps or dreaming.steps), out=out, size=size)


def _target(
    network: Network,
    *,
    layer: str | None,
    filters: Sequence[int] | None,
    labels: Sequence[str],
    dream: bool,
) -> Target:
    from training.filters.target import classes_of, filter_count, filters_of, late_middle_layer

    if labels:
        return classes_of(network, labels)
    layer = layer or late_middle_layer(network)
    count = filter_count(network, layer)
    return filters_of(network, layer, filters or range(count if dream else min(_FIRST, count)))


def _draw(network: Network, target: Target, ascent: Ascent, *, out: Path, size: int | None) -> None:
    from training.filters.ascent import draw
    from training.filters.pages import check_out, save_pages

    check_out(out, pictures=len(target.units))
    spec = network.manifest.image
    drawn = draw(target, (size or spec.height, size or spec.width), ascent)
    for picture in drawn:
        if picture.remark:
            click.echo(f"{target.name} {picture.title} diverged: {picture.remark}", err=True)
    for path in save_pages(drawn, out, name=target.name):
        click.echo(f"wrote {path}")


def _dream(photograph: Path, target: Target, dream: Dream, *, out: Path, size: int | None) -> None:
    from PIL import Image

    from training.filters.deep_dream import deep_dream
    from training.filters.pages import check_out, save
    from training.filters.photograph import read_photograph

    check_out(out, pictures=1)
    pixels = read_photograph(photograph, longest_side=size or _DREAM_SIDE)
    picture = Image.fromarray(deep_dream(pixels, target, dream))
    click.echo(f"wrote {save(picture, out, name=f'{photograph.stem}-{target.name}.png')}")
