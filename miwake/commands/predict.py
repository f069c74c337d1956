"""`miwake predict`: labels for a few files, from a gateway or straight from a model folder."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from miwake.client import Client

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
    if model is not None:
        predictions = _from_folder(model, images, top=top)
    else:
        api_key = api_key_file.read_text("utf-8").strip() if api_key_file else None
        predictions = _from_gateway(url or _DEFAULT_URL, images, top=top, api_key=api_key)
    for path, prediction in zip(images, predictions, strict=True):
        _show(path, prediction, as_json=as_json)
    if any("error" in prediction for prediction in predictions):
        sys.exit(1)


def _from_gateway(
    url: str, images: Sequence[Path], *, top: int, api_key: str | None
) -> list[Mapping[str, Any]]:
    """Ask image by image: how many a request may carry is the gateway's to say."""
    from miwake.client import Client

    with Client(url, api_key=api_key) as client:
        return [_ask(client, image, top=top) for image in images]


def _ask(client: Client, image: Path, *, top: int) -> Mapping[str, Any]:
    from miwake.client import GatewayError

    try:
        (prediction,) = client.predict([image], top_k=top)["predictions"]
    except GatewayError as exc:
        if "errors" not in exc.problem:
            raise
        (prediction,) = exc.problem["errors"]
    return dict(prediction)


def _from_folder(model: Path, images: Sequence[Path], *, top: int) -> list[Mapping[str, Any]]:
    from contract.errors import ImageError
    from scoring.files import predict_files

    return [
        {"error": {"code": outcome.code, "detail": str(outcome)}}
        if isinstance(outcome, ImageError)
        else {
            "label": outcome.label,
            "probability": outcome.probability,
            "top": [{"label": c.label, "probability": c.probability} for c in outcome.top],
        }
        for outcome in predict_files(model, images, top_k=top)
    ]


def _show(path: Path, prediction: Mapping[str, Any], *, as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps({**prediction, "name": str(path)}, ensure_ascii=False))
    elif "error" in prediction:
        click.echo(f"{path}: {prediction['error']['detail']} [{prediction['error']['code']}]", err=True)
    else:
        click.echo(f"{path}: {prediction['label']}")
        for candidate in prediction["top"]:
            click.echo(f"  {candidate['probability']:.6f}  {candidate['label']}")
