"""What every route that takes images does last: an item for each, or a problem where all of them failed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

from fastapi import Request, Response

from contract.errors import ImageError
from serving.asking import Answer, Row
from serving.bodies.named_image import NamedImage, NamedUrl
from serving.http.problems import problem_response
from serving.schemas import FailedImage, ImageFault

Item = TypeVar("Item")


def items_of(
    named: Sequence[NamedImage | NamedUrl],
    answer: Answer[Row],
    item: Callable[[str | None, Row], Item],
) -> list[Item | FailedImage]:
    """The items of an answer, in the order the images were sent.

    Args:
        named: the images as they came.
        answer: an outcome for each.
        item: makes one of an image's name and its row.
    """
    return [
        _failed(image.name, outcome) if isinstance(outcome, ImageError) else item(image.name, outcome)
        for image, outcome in zip(named, answer.outcomes, strict=True)
    ]


def problem_of(request: Request, items: Sequence[object]) -> Response | None:
    """The answer where no image succeeded: the first one's status, and all errors."""
    failed = [item for item in items if isinstance(item, FailedImage)]
    if len(failed) < len(items):
        return None
    first = failed[0].error
    return problem_response(request, first.code, first.detail, errors=failed)


def _failed(name: str | None, error: ImageError) -> FailedImage:
    return FailedImage(name=name, error=ImageFault(code=error.code, detail=str(error)))
