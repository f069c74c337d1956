"""All images of a request that names some by URL."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from contract.errors import ImageError
from serving.bodies.named_image import NamedImage, NamedUrl
from serving.fetch.byte_budget import ByteBudget
from serving.fetch.fetcher import Fetcher


async def fetch_images(
    images: Sequence[NamedImage | NamedUrl], fetcher: Fetcher, *, budget: ByteBudget, timeout_seconds: float
) -> list[bytes | ImageError]:
    """Fetch what is missing, side by side; a URL that gives nothing fails alone.

    Args:
        images: in the order sent.
        fetcher: of the gateway.
        budget: what is left for them, those that came in the body counted.
        timeout_seconds: for each, from now.

    Raises:
        OverloadedError: by the budget, where the gateway has no room for more.
    """

    async def one(image: NamedImage | NamedUrl) -> bytes | ImageError:
        if isinstance(image, NamedImage):
            return image.image_bytes
        try:
            return await fetcher.fetch(image.url, budget=budget, timeout_seconds=timeout_seconds)
        except ImageError as exc:
            return exc

    try:
        async with asyncio.TaskGroup() as tasks:
            fetching = [tasks.create_task(one(image)) for image in images]
    except ExceptionGroup as group:  # the first one's: the others were cancelled by it
        raise group.exceptions[0] from None
    return [task.result() for task in fetching]
