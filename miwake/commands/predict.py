"""`miwake predict`: labels for a few files, from a gateway or straight from a model folder."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from contract.errors import ImageError

if TYPE_CHECKING:
    from contract.prediction import Prediction
    from scoring.row import Row

_DEFAULT_URL = "http://127.0.0.1:8000"


@click.command()
@click.argument(
    "images", nargs=-1, required=True, type=click.Path(exists=True, dir_okay=False, path_type=Path)
)
@click.option("--url", help=f"A gateway to ask. [default: {_DEFAULT_URL}, unless --model is given]")
@click.option(
    "--model", type=click.Path(exists=True, file_okay=False, path_type=Path), help="A model folder."
)
@click.option(
    "--api-key-file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Holds the key that the gateway asks for.",
)
@click.option("--top", type=click.IntRange(min=1), default=5, show_default=True, help="Candidates an image.")
@click.option("--json", "as_json", is_flag=True, help="One JSON document an image, one a line.")
def predict(  # noqa: PLR0913 - one argument an option
    images: tuple[Path, ...],
    url: str | None,
    model: Path | None,
    *,
    api_key_file: Path | None,
    top: int,
    as_json: bool,
) -> None:
    """Print the best labels of IMAGES and their probabilities."""
    if url is not None and model is not None:
        raise click.UsageError("give --url or --model, not both")
    show = _show_json if as_json else _show
    outcomes: Iterable[Prediction | ImageError]
    if model is not None:
        outcomes = _from_folder(model, images, top=top)
    else:
        # What is no UTF-8 is no key either, and the client says so without repeating it.
        api_key = api_key_file.read_text("utf-8", "replace").strip() if api_key_file else None
        outcomes = _from_gateway(url or _DEFAULT_URL, images, top=top, api_key=api_key)
    failed = False
    for path, outcome in zip(images, outcomes, strict=True):
        show(path, outcome)
        failed = failed or isinstance(outcome, ImageError)
    if failed:
        sys.exit(1)


def _from_gateway(
    url: str, images: Sequence[Path], *, top: int, api_key: str | None
) -> Iterator[Prediction | ImageError]:
    from miwake import Client

    with Client(url, api_key=api_key) as client:
        yield from client.predict_many(images, top_k=top)


def _from_folder(model: Path, images: Sequence[Path], *, top: int) -> Sequence[Prediction | ImageError]:
    from scoring.score_batch import Scorer

    with Scorer(model, top_k=top) as scorer:
        return [_outcome(row) for row in scorer.rows(images)]


def _outcome(row: Row) -> Prediction | ImageError:
    from contract.prediction import Prediction

    if row.label is None or row.probability is None:
        refusal = ImageError(row.detail)
        refusal.code = row.code or refusal.code
        return refusal
    return Prediction(row.label, row.probability, row.top)


def _show(path: Path, outcome: Prediction | ImageError) -> None:
    if isinstance(outcome, ImageError):
        click.echo(f"{path}: {outcome} [{outcome.code}]", err=True)
        return
    click.echo(f"{path}: {outcome.label}")
    for candidate in outcome.top:
        click.echo(f"  {candidate.probability:.6f}  {candidate.label}")


def _show_json(path: Path, outcome: Prediction | ImageError) -> None:
    click.echo(json.dumps(_document(outcome) | {"name": str(path)}, ensure_ascii=False))


def _document(outcome: Prediction | ImageError) -> dict[str, Any]:
    if isinstance(outcome, ImageError):
        return {"error": {"code": outcome.code, "detail": str(outcome)}}
    return {
        "label": outcome.label,
        "probability": outcome.probability,
        "top": [{"label": c.label, "probability": c.probability} for c in outcome.top],
    }
