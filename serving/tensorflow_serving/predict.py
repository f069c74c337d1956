"""Asking the gateway's core what a request of TensorFlow Serving's API asks."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TypeVar

from contract import signatures
from contract.errors import ImageError
from serving.asking import ImagesRequest
from serving.predictor import OnResolved, Predictor
from serving.tensorflow_serving.answer import Rows
from serving.tensorflow_serving.request import RestRequest

_Row = TypeVar("_Row")


async def outputs_of(
    predictor: Predictor, asked: RestRequest, images: ImagesRequest, *, on_resolved: OnResolved
) -> Mapping[str, Rows]:
    """The outputs of the signature asked for, a row an image.

    Raises:
        ImageError: of the first image that was refused: this API has no answer for a part of them.
        MiwakeError: as the predictor.
    """
    match asked.signature:
        case signatures.EMBED:
            embeddings = await predictor.embed(images, on_resolved=on_resolved)
            return {signatures.EMBEDDINGS: _rows(embeddings.outcomes)}
        case signatures.EXPLAIN:
            explained = await predictor.explain(images, labels=asked.labels, on_resolved=on_resolved)
            rows = _rows(explained.outcomes)
            return {
                signatures.HEATMAPS: [row.heatmap for row in rows],
                signatures.PROBABILITIES: [row.probabilities for row in rows],
            }
        case _:
            probabilities = await predictor.predict(images, on_resolved=on_resolved)
            return {signatures.PROBABILITIES: _rows(probabilities.outcomes)}


def _rows(outcomes: Iterable[_Row | ImageError]) -> list[_Row]:
    rows: list[_Row] = []
    for index, outcome in enumerate(outcomes):
        if isinstance(outcome, ImageError):
            raise type(outcome)(f"image {index}: {outcome}") from outcome
        rows.append(outcome)
    return rows
