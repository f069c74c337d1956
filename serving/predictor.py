"""Bytes in, labels out: the core of the gateway, which knows neither HTTP nor gRPC."""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Sequence
from typing import Any, TypeVar

import numpy as np

from contract.errors import ImageError
from contract.image import Pixels
from modelserver.errors import (
    DeadlineExceededError,
    ModelNotFoundError,
    ModelServerAwayError,
    OverloadedError,
    VersionNotFoundError,
)
from modelserver.model_servers import ModelServers
from modelserver.predict import ModelVersion
from serving.asking import Answer, Embedding, Explanation, ImagesRequest, Probabilities
from serving.errors import InvalidParameterError
from serving.load.decode_pool import DecodePool
from serving.load.lane import Kind, Lanes
from serving.settings import Settings
from serving.shadow import QUIET_IMAGES, Shadow
from serving.telemetry.metrics import Metrics
from serving.versions.backends import Backends
from serving.versions.resolver import VersionResolver
from serving.versions.retry_budget import RetryBudget
from serving.versions.routing import Routing
from serving.versions.served_version import ServedVersion

_Row = TypeVar("_Row")
# Gives the row of one image, decoded as this version takes it; told its index in the request.
_AnswerOne = Callable[[Pixels, ServedVersion, int], Awaitable[_Row]]
OnResolved = Callable[[ModelVersion], None]


class Predictor:
    """Resolves a version, decodes, and has each image answered.

    Owns the model servers' connections and the decode threads; `run` keeps them going.

    Attributes:
        versions: which of them answers, on which model server.
        lanes: the images under way.
    """

    def __init__(
        self, settings: Settings, model_servers: ModelServers, routing: Routing, *, metrics: Metrics
    ) -> None:
        backends = Backends(model_servers, settings=settings, metrics=metrics)
        self.versions = VersionResolver(routing, backends, settings=settings)
        self.lanes = Lanes(settings, on_refused=metrics.count_refused, pause_seconds=backends.pause_seconds)
        self._metrics = metrics
        self._retries = RetryBudget(share=settings.retry_share)
        self._shadow = Shadow(
            predict=functools.partial(self.predict, on_resolved=lambda _: None),
            version_of=routing.shadow_version,
            is_busy=lambda: self.lanes.images > QUIET_IMAGES,
            timeout_seconds=settings.timeout_seconds,
            metrics=metrics.shadow,
        )
        self._decode_pool = DecodePool(
            threads=settings.decode_threads, max_image_pixels=settings.max_image_pixels, metrics=metrics
        )

    async def run(self) -> None:
        """Follow the versions until cancelled; the decode threads end with it."""
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self.versions.run())
                tasks.create_task(self._shadow.run())
        finally:
            self._decode_pool.close()

    async def predict(self, request: ImagesRequest, *, on_resolved: OnResolved) -> Answer[Probabilities]:
        """Probabilities of each image, in the order of the labels.

        Args:
            request: what is asked.
            on_resolved: told the version that will answer, before it does.

        Returns:
            float32 [C] for each image; a bad image fails alone.

        Raises:
            ModelServerError: any; then nothing is known of any image.
            ContractBrokenError: the version asked for does not keep its manifest.
            InvalidParameterError: pixels of another size than the model's.
        """

        async def one(pixels: Pixels, served: ServedVersion, _index: int) -> Probabilities:
            return await served.predict.submit(pixels, deadline=request.deadline)

        kind = Kind.PREDICT if request.live else Kind.SHADOW
        answer = await self._answer(request, one, kind=kind, on_resolved=on_resolved)
        if request.live:
            self._metrics.labelled(answer)
            self._shadow.offer(request, answer)
        return answer

    async def explain(
        self, request: ImagesRequest, *, labels: Sequence[str] | None, on_resolved: OnResolved
    ) -> Answer[Explanation]:
        """Where the model looked in each image, for the label given with it, else for its best.

        Raises:
            InvalidParameterError: the version has no such label.
            SignatureNotFoundError: the version explains nothing.
            MiwakeError: as `predict`.
        """

        async def one(pixels: Pixels, served: ServedVersion, index: int) -> Explanation:
            known = served.target.facts.labels
            if labels is None:
                probabilities = await served.predict.submit(pixels, deadline=request.deadline)
                about = int(np.argmax(probabilities))
            elif labels[index] in known:
                about = known.index(labels[index])
            else:
                raise InvalidParameterError(f"model {served.target.model} has no label {labels[index]!r}")
            heatmap, probabilities = await served.explain.submit((pixels, about), deadline=request.deadline)
            return Explanation(
                label=known[about], heatmap=heatmap, probabilities=probabilities, pixels=pixels
            )

        return await self._answer(request, one, kind=Kind.EXPLAIN, on_resolved=on_resolved)

    async def embed(self, request: ImagesRequest, *, on_resolved: OnResolved) -> Answer[Embedding]:
        """The feature vector of each image: float32 [D] of length 1.

        Raises:
            SignatureNotFoundError: the version has no embeddings.
            MiwakeError: as `predict`.
        """

        async def one(pixels: Pixels, served: ServedVersion, _index: int) -> Embedding:
            return await served.embed.submit(pixels, deadline=request.deadline)

        return await self._answer(request, one, kind=Kind.EMBED, on_resolved=on_resolved)

    async def _answer(
        self, request: ImagesRequest, one: _AnswerOne[_Row], *, kind: Kind, on_resolved: OnResolved
    ) -> Answer[_Row]:
        """Answer, and count the images of live requests."""
        if request.live:
            self.versions.routing.entry(request.model)  # metrics know known models only
        answer = await self._answer_or_retry(request, one, kind=kind, on_resolved=on_resolved)
        if request.live:
            self._metrics.answered(answer)
        return answer

    async def _answer_or_retry(
        self, request: ImagesRequest, one: _AnswerOne[_Row], *, kind: Kind, on_resolved: OnResolved
    ) -> Answer[_Row]:
        """Answer by the version resolved; once more by another where that one could not."""
        self._retries.paid_in()
        served = await self._first(request)
        try:
            on_resolved(served.target)
            return await self._answer_by(served, request, one, kind=kind)
        except (ModelNotFoundError, VersionNotFoundError):
            self.versions.backends.forget(served)
            if request.choice.version is not None:
                raise
        except ModelServerAwayError:
            if not self._may_send_again(request, served):
                raise
        except OverloadedError:
            # Also where the refusal is our own; but then its model server is not to be left alone.
            if not (self._another_takes(served) and self._may_send_again(request, served)):
                raise
        served = await self._resolve(request, avoid=served)
        try:
            on_resolved(served.target)
            return await self._answer_by(served, request, one, kind=kind)
        except (ModelNotFoundError, VersionNotFoundError) as exc:
            raise ModelServerAwayError(f"model {request.model}: its versions come and go") from exc

    async def _first(self, request: ImagesRequest) -> ServedVersion:
        """The version to answer. A live request's images count as its, or as nobody's where there is none."""
        version = ""
        try:
            served = await self._resolve(request)
            version = str(served.target.version)
            return served
        finally:
            if request.live:
                self._metrics.received(request.model, version, images=len(request.images))

    def _may_send_again(self, request: ImagesRequest, served: ServedVersion) -> bool:
        """Whether the budget has a second attempt for it, which is counted then."""
        if not request.live:
            return False
        may = self._retries.take()
        self._metrics.retried(served.target, "sent" if may else "no_budget")
        return may

    def _another_takes(self, served: ServedVersion) -> bool:
        """Whether this one is overloaded and the same version elsewhere is not."""
        other = self.versions.backends.least_loaded(
            served.target.model, served.target.version, avoid=(served,)
        )
        return bool(served.pause.seconds and other and not other.pause.seconds)

    async def _resolve(self, request: ImagesRequest, *, avoid: ServedVersion | None = None) -> ServedVersion:
        return await self.versions.resolve(
            request.model,
            request.choice,
            deadline=request.deadline,
            sticky_key=request.sticky_key,
            avoid=avoid,
        )

    async def _answer_by(
        self, served: ServedVersion, request: ImagesRequest, one: _AnswerOne[_Row], *, kind: Kind
    ) -> Answer[_Row]:
        lane, images = self.lanes.of(request.model, kind), len(request.images)
        pause_seconds = served.pause.seconds
        place = lane.under_way(
            images, deadline=request.deadline, caller=request.caller, pause_seconds=pause_seconds
        )
        with (
            place as answered,
            served.loaded(images),
        ):
            try:
                async with asyncio.timeout(request.deadline.remaining_seconds()):
                    rows = await _all_or_none(
                        self._row(image, served, one, index) for index, image in enumerate(request.images)
                    )
            except TimeoutError as exc:
                raise DeadlineExceededError("the request took longer than it may") from exc
            answered(sum(not isinstance(row, ImageError) for row in rows))
        return Answer(served.target, tuple(rows))

    async def _row(
        self, image: bytes | Pixels | ImageError, served: ServedVersion, one: _AnswerOne[_Row], index: int
    ) -> _Row | ImageError:
        if isinstance(image, ImageError):
            return image
        spec = served.target.facts.image
        if not isinstance(image, bytes):
            if image.shape != (spec.height, spec.width, 3) or image.dtype != np.uint8:
                raise InvalidParameterError(f"pixels must be uint8 [{spec.height}, {spec.width}, 3]")
            return await one(image, served, index)
        try:
            pixels = await self._decode_pool.decode(image, spec)
        except ImageError as exc:
            return exc
        return await one(pixels, served, index)


async def _all_or_none(coroutines: Iterable[Coroutine[Any, Any, _Row]]) -> list[_Row]:
    """All results in order; the first error ends the others, whose work nobody would read."""
    tasks = [asyncio.create_task(coroutine) for coroutine in coroutines]
    try:
        return await asyncio.gather(*tasks)
    except BaseException:
        for task in tasks:
            task.cancel()
        raise
