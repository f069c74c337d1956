"""The client for programs on asyncio's loop."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterable, Callable, Iterable, Mapping
from contextlib import aclosing
from functools import partial
from types import TracebackType
from typing import Self, TypeVar

import httpx

from miwake.client.answers import Embedding, Explanation, Prediction
from miwake.client.calls import Asked, Calls, HeatForm, Version
from miwake.client.clock import AsyncClock, AsyncSystemClock
from miwake.client.connection import Verify, connection_options, shown_url
from miwake.client.errors import ImageError
from miwake.client.exchange import Attempt, Flow, Outcome, request_of
from miwake.client.image_source import ImageSource, NamedSource, read_image, read_images
from miwake.client.in_order import groups_async, in_order_async
from miwake.client.replies import Reply
from miwake.client.retries import Retries
from miwake.client.served_models import ModelDetails, ServedModel

Answer = TypeVar("Answer")
Source = TypeVar("Source")
Sent = TypeVar("Sent")


class AsyncClient:
    """As `Client`, whose arguments and errors it has, on asyncio's loop; tasks may share it.

    `timeout_seconds` is kept to the letter here, also by a server that answers a byte at a time.
    """

    def __init__(  # noqa: PLR0913 - one argument a choice
        self,
        url: str,
        *,
        model: str | None = None,
        api_key: str | None = None,
        bearer_token: str | None = None,
        timeout_seconds: float = 30.0,
        retries: Retries | None = None,
        verify: Verify = True,
        headers: Mapping[str, str] | None = None,
        transport: httpx.AsyncBaseTransport | None = None,
        clock: AsyncClock | None = None,
    ) -> None:
        options = connection_options(
            url, api_key=api_key, bearer_token=bearer_token, verify=verify, headers=headers
        )
        self._http = httpx.AsyncClient(**options, transport=transport)
        self._clock = clock or AsyncSystemClock()
        self._calls = Calls(
            url=shown_url(self._http.base_url),
            default_model=model,
            timeout_seconds=timeout_seconds,
            retries=retries or Retries(),
            now=self._clock.now,
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    async def predict(  # noqa: PLR0913 - as the API
        self,
        image: ImageSource,
        *,
        model: str | None = None,
        version: Version | None = None,
        top_k: int = 5,
        name: str | None = None,
        request_id: str | None = None,
    ) -> Prediction:
        """Label one image, as `Client.predict`."""
        sent = await _off_the_loop(partial(read_image, name=name), image)
        asked = Asked(model=model, version=version, request_id=request_id)
        return await self._run(self._calls.predict(sent, asked, top_k=top_k))

    async def predict_batch(
        self,
        images: Iterable[ImageSource | NamedSource],
        *,
        model: str | None = None,
        version: Version | None = None,
        top_k: int = 5,
        request_id: str | None = None,
    ) -> list[Prediction | ImageError]:
        """Label several images in one request, as `Client.predict_batch`."""
        asked = Asked(model=model, version=version, request_id=request_id)
        return await self._predict_batch(list(images), asked=asked, top_k=top_k)

    async def predict_many(  # noqa: PLR0913 - as the API
        self,
        images: Iterable[ImageSource | NamedSource] | AsyncIterable[ImageSource | NamedSource],
        *,
        concurrency: int = 8,
        images_per_request: int = 4,
        model: str | None = None,
        version: Version | None = None,
        top_k: int = 5,
    ) -> AsyncGenerator[Prediction | ImageError, None]:
        """Label any number of images, as `Client.predict_many`, in tasks.

        A plain iterable is drawn on the loop: one that waits for its items should be asynchronous.

        Where the loop over it is left early, `contextlib.aclosing` around it cancels what is under way before
        the program goes on; without it that happens a little later.
        """
        work = partial(self._predict_batch, asked=Asked(model=model, version=version), top_k=top_k)
        batches = in_order_async(work, groups_async(images, size=images_per_request), concurrency=concurrency)
        async with aclosing(batches):
            async for outcomes in batches:
                for outcome in outcomes:
                    yield outcome

    async def explain(  # noqa: PLR0913 - as the API
        self,
        image: ImageSource,
        *,
        label: str | None = None,
        form: HeatForm = "overlay",
        model: str | None = None,
        version: Version | None = None,
        name: str | None = None,
        request_id: str | None = None,
    ) -> Explanation:
        """Show where the model looked, as `Client.explain`."""
        sent = await _off_the_loop(partial(read_image, name=name), image)
        asked = Asked(model=model, version=version, request_id=request_id)
        return await self._run(self._calls.explain(sent, asked, label=label, form=form))

    async def embed(
        self,
        image: ImageSource,
        *,
        model: str | None = None,
        version: Version | None = None,
        name: str | None = None,
        request_id: str | None = None,
    ) -> Embedding:
        """What the network makes of an image before it decides, as `Client.embed`."""
        sent = await _off_the_loop(partial(read_image, name=name), image)
        asked = Asked(model=model, version=version, request_id=request_id)
        return await self._run(self._calls.embed(sent, asked))

    async def models(self) -> tuple[ServedModel, ...]:
        """All models that this caller may use, as `Client.models`."""
        return await self._run(self._calls.models())

    async def model(self, name: str, *, version: int | None = None) -> ModelDetails:
        """One model, as `Client.model`."""
        return await self._run(self._calls.model(name, version=version))

    async def is_ready(self) -> bool:
        """Whether the gateway has a model to answer with, as `Client.is_ready`."""
        return await self._run(self._calls.is_ready())

    async def _predict_batch(
        self, images: list[ImageSource | NamedSource], *, asked: Asked, top_k: int
    ) -> list[Prediction | ImageError]:
        read = await _off_the_loop(read_images, images)
        return await self._run(self._calls.predict_batch(read, asked, top_k=top_k))

    async def _run(self, flow: Flow[Answer]) -> Answer:
        try:
            attempt = next(flow)
            while True:
                attempt = flow.send(await self._outcome(attempt))
        except StopIteration as done:
            answer: Answer = done.value
            return answer

    async def _outcome(self, attempt: Attempt) -> Outcome:
        if attempt.pause_seconds:
            await self._clock.sleep(attempt.pause_seconds)
        seconds = attempt.give_up_at - self._clock.now()
        if seconds <= 0:
            return TimeoutError()
        request = request_of(self._http, attempt.call, seconds=seconds)
        try:
            async with asyncio.timeout(seconds):
                response = await self._http.send(request)
        except (httpx.TransportError, httpx.DecodingError, TimeoutError) as exc:
            return exc
        return Reply.of(response, response.content)


async def _off_the_loop(read: Callable[[Source], Sent], source: Source) -> Sent:
    """Files are read and pixels are encoded in a thread; what is bytes already needs none."""
    given = source if isinstance(source, list) else [source]
    if all(isinstance(image, bytes) for image in given):
        return read(source)
    return await asyncio.to_thread(read, source)
