"""Asking the gateway's core what a request of TensorFlow Serving's API asks."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import TypeVar

from contract import signatures
from contract.errors import ImageError
from serving.asking import Answer, Explanation, ImagesRequest
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
            rows = await _explained(predictor, asked, images, on_resolved=on_resolved)
            return {
                signatures.HEATMAPS: [row.heatmap for row in rows],
                signatures.PROBABILITIES: [row.probabilities for row in rows],
            }
        case _:
            probabilities = await predictor.predict(images, on_resolved=on_resolved)
            return {signatures.PROBABILITIES: _rows(probabilities.outcomes)}


async def _explained(
    predictor: Predictor, asked: RestRequest, images: ImagesRequest, *, on_resolved: OnResolved
) -> list[Explanation]:
    """One question for each label that is asked about; they go to the model together."""

    async def ask(label: str) -> Answer[Explanation]:
        of_label = [image for image, its in zip(images.images, asked.labels, strict=True) if its == label]
        request = replace(images, images=of_label)
        return await predictor.explain(request, label=label, on_resolved=on_resolved)

    labels = list(dict.fromkeys(asked.labels))
    try:
        async with asyncio.TaskGroup() as tasks:
            asking = {label: tasks.create_task(ask(label)) for label in labels}
    except ExceptionGroup as group:
        raise group.exceptions[0] from None
    answers = {label: iter(task.result().outcomes) for label, task in asking.items()}
    return _rows(next(answers[label]) for label in asked.labels)


def _rows(outcomes: Iterable[_Row | ImageError]) -> list[_Row]:
    rows: list[_Row] = []
    for index, outcome in enumerate(outcomes):
        if isinstance(outcome, ImageError):
            raise type(outcome)(f"image {index}: {outcome}") from outcome
        rows.append(outcome)
    return rows
