"""The client for programs that wait."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator, Mapping
from concurrent.futures import CancelledError
from contextlib import closing
from threading import Event
from types import TracebackType
from typing import Self, TypeVar

import httpx

from miwake.client.answers import Embedding, Explanation, Prediction
from miwake.client.calls import Asked, Calls, HeatForm, Version
from miwake.client.clock import Clock, SystemClock
from miwake.client.connection import Verify, connection_options, shown_url
from miwake.client.errors import ImageError
from miwake.client.exchange import Attempt, Flow, Outcome, request_of
from miwake.client.image_source import ImageSource, NamedSource, read_image, read_images
from miwake.client.in_order import groups, in_order
from miwake.client.replies import Reply
from miwake.client.retries import Retries
from miwake.client.served_models import ModelDetails, ServedModel

Answer = TypeVar("Answer")

# Whether anybody still waits for what a pause is made for.
_LOOK_EVERY_SECONDS = 0.1


class Client:
    """Talks to one gateway over one pool of connections; threads may share it.

    Args:
        url: of the gateway.
        model: that answers where a call names none; without it the gateway's default.
        api_key: of `miwake keys new`, where the gateway asks for one.
        bearer_token: a signed token, instead of a key.
        timeout_seconds: of one call, its attempts and pauses together. The gateway is told, and stops working
            on what nobody waits for. A wait on the network may begin just before and take as long again.
        retries: of what may succeed later.
        verify: False trusts any certificate, a path the certificates in that file, an ssl.SSLContext decides.
        headers: more of them, with every request.
        transport: of httpx, in place of the network.
        clock: in place of the machine's.

    Raises:
        GatewayError: what is given is not a URL.
        UnauthenticatedError: what is given cannot be a key or token.
        ValueError: a key and a token.
        OSError: the file of certificates cannot be read.
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
        transport: httpx.BaseTransport | None = None,
        clock: Clock | None = None,
    ) -> None:
        options = connection_options(
            url, api_key=api_key, bearer_token=bearer_token, verify=verify, headers=headers
        )
        self._http = httpx.Client(**options, transport=transport)
        self._clock = clock or SystemClock()
        self._calls = Calls(
            url=shown_url(self._http.base_url),
            default_model=model,
            timeout_seconds=timeout_seconds,
            retries=retries or Retries(),
            now=self._clock.now,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def predict(  # noqa: PLR0913 - as the API
        self,
        image: ImageSource,
        *,
        model: str | None = None,
        version: Version | None = None,
        top_k: int = 5,
        name: str | None = None,
        request_id: str | None = None,
    ) -> Prediction:
        """Label one image.

        Args:
            image: a path, encoded bytes, a PIL image, or an array uint8 [H, W, 3] or [H, W]; the last two
                are sent as PNG, without loss.
            model: else the client's, else the gateway's default.
            version: a number, or an alias; else the one that answers now.
            top_k: candidates, 1 to 1000.
            name: comes back with the answer; else a path's own.
            request_id: for the gateway's log; else a new one, the same for all attempts.

        Raises:
            ImageError: this image is refused.
            GatewayError: another refusal, or no answer; see `miwake.client.errors`.
            TypeError: that is no image.
        """
        sent = read_image(image, name=name)
        asked = Asked(model=model, version=version, request_id=request_id)
        return self._run(self._calls.predict(sent, asked, top_k=top_k))

    def predict_batch(
        self,
        images: Iterable[ImageSource | NamedSource],
        *,
        model: str | None = None,
        version: Version | None = None,
        top_k: int = 5,
        request_id: str | None = None,
    ) -> list[Prediction | ImageError]:
        """Label several images in one request, by one version.

        Args:
            images: as for `predict`, or pairs (name, image). More than the gateway takes at once become
                several requests.
            model: as for `predict`; so are the other arguments.
            version: see there.
            top_k: see there.
            request_id: see there.

        Returns:
            An outcome for each, in order; an image that is refused fails alone.

        Raises:
            GatewayError: any but an ImageError.
        """
        asked = Asked(model=model, version=version, request_id=request_id)
        return self._run(self._calls.predict_batch(read_images(images), asked, top_k=top_k))

    def predict_many(  # noqa: PLR0913 - as the API
        self,
        images: Iterable[ImageSource | NamedSource],
        *,
        concurrency: int = 8,
        images_per_request: int = 4,
        model: str | None = None,
        version: Version | None = None,
        top_k: int = 5,
    ) -> Generator[Prediction | ImageError, None, None]:
        """Label any number of images; outcomes come in their order.

        An image that is refused is yielded as its error, and the others go on. What concerns all of them is
        raised. It may be stopped at any time, and ends once the requests under way have ended.

        Args:
            images: as for `predict_batch`; may have no end. They are drawn by whoever draws the outcomes, at
                most 2 * `concurrency` * `images_per_request` of them ahead.
            concurrency: requests at once, each in a thread.
            images_per_request: 1 where images come slowly and each is waited for. Alone, one of 95 KB
                took client and gateway a quarter more processor time than among four.
            model: as for `predict`; so are `version` and `top_k`.
            version: see there.
            top_k: see there.

        Yields:
            An outcome for each.

        Raises:
            GatewayError: any but an ImageError.
            ValueError: nothing at once, or nothing in a request.
        """
        asked = Asked(model=model, version=version)

        def work(group: list[ImageSource | NamedSource], stopped: Event) -> list[Prediction | ImageError]:
            flow = self._calls.predict_batch(read_images(group), asked, top_k=top_k)
            return self._run(flow, stopped=stopped)

        batches = in_order(work, groups(images, size=images_per_request), concurrency=concurrency)
        with closing(batches):
            for outcomes in batches:
                yield from outcomes

    def explain(  # noqa: PLR0913 - as the API
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
        """Show where the model looked.

        Args:
            image: as for `predict`; so are the arguments not named here, and the errors.
            label: the class to explain; else the best one.
            form: `overlay`, a picture for people, or `numbers`, the heat map.
            model: where no name is given here nor to the client, the gateway is asked for its default first.
            version: see `predict`.
            name: see `predict`.
            request_id: see `predict`.

        Raises:
            SignatureNotFoundError: this model cannot.
        """
        sent = read_image(image, name=name)
        asked = Asked(model=model, version=version, request_id=request_id)
        return self._run(self._calls.explain(sent, asked, label=label, form=form))

    def embed(
        self,
        image: ImageSource,
        *,
        model: str | None = None,
        version: Version | None = None,
        name: str | None = None,
        request_id: str | None = None,
    ) -> Embedding:
        """What the network makes of an image before it decides; arguments and errors as for `explain`."""
        sent = read_image(image, name=name)
        asked = Asked(model=model, version=version, request_id=request_id)
        return self._run(self._calls.embed(sent, asked))

    def models(self) -> tuple[ServedModel, ...]:
        """All models that this caller may use, also those that cannot answer now."""
        return self._run(self._calls.models())

    def model(self, name: str, *, version: int | None = None) -> ModelDetails:
        """One model with the labels, metrics and provenance of a version, or of the one that answers.

        Raises:
            ModelNotFoundError: it is not served.
            VersionNotFoundError: it is, but not in this version.
        """
        return self._run(self._calls.model(name, version=version))

    def is_ready(self) -> bool:
        """Whether the gateway has a model to answer with; asked once, whatever the answer."""
        return self._run(self._calls.is_ready())

    def _run(self, flow: Flow[Answer], *, stopped: Event | None = None) -> Answer:
        try:
            attempt = next(flow)
            while self._is_wanted_after(attempt.pause_seconds, stopped):
                attempt = flow.send(self._outcome(attempt))
        except StopIteration as done:
            answer: Answer = done.value
            return answer
        raise CancelledError

    def _is_wanted_after(self, pause_seconds: float, stopped: Event | None) -> bool:
        """Wait, no longer than somebody waits for what comes after."""
        if stopped is None:
            if pause_seconds:
                self._clock.sleep(pause_seconds)
            return True
        until = self._clock.now() + pause_seconds
        while not stopped.is_set() and (left := until - self._clock.now()) > 0:
            self._clock.sleep(min(left, _LOOK_EVERY_SECONDS))
        return not stopped.is_set()

    def _outcome(self, attempt: Attempt) -> Outcome:
        seconds = attempt.give_up_at - self._clock.now()
        if seconds <= 0:
            return TimeoutError()
        request = request_of(self._http, attempt.call, seconds=seconds)
        try:
            with closing(self._http.send(request, stream=True)) as response:
                return Reply.of(response, b"".join(self._in_time(response, attempt.give_up_at)))
        except (httpx.TransportError, httpx.DecodingError, TimeoutError) as exc:
            return exc

    def _in_time(self, response: httpx.Response, give_up_at: float) -> Iterator[bytes]:
        for chunk in response.iter_bytes():
            if self._clock.now() >= give_up_at:
                raise TimeoutError
            yield chunk
