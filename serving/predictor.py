"""Bytes in, labels out: the core of the gateway, which knows neither HTTP nor gRPC."""

from __future__ import annotations

import asyncio
import functools
import logging
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
from serving.asking import Answer, Embedding, Explanation, ImagesRequest, Probabilities, VersionChoice
from serving.errors import InvalidParameterError
from serving.load.deadline import Deadline
from serving.load.decode_pool import DecodePool
from serving.load.lane import Kind, Lanes
from serving.settings import Settings
from serving.shadow import QUIET_IMAGES, Shadow
from serving.telemetry.metrics import Metrics
from serving.versions.backends import Backends
from serving.versions.retry_budget import RetryBudget
from serving.versions.routing import Routing
from serving.versions.served_version import ServedVersion

_log = logging.getLogger(__name__)
_Row = TypeVar("_Row")
# Gives the row of one image, decoded as this version takes it; told its index in the request.
_AnswerOne = Callable[[Pixels, ServedVersion, int], Awaitable[_Row]]
OnResolved = Callable[[ModelVersion], None]


class Predictor:
    """Resolves a version, decodes, and has each image answered.

    Owns the model servers' connections and the decode threads; `run` keeps them going.

    Attributes:
        routing: which version a request goes to.
        backends: the model servers.
        lanes: the images under way.
    """

    def __init__(
        self, settings: Settings, model_servers: ModelServers, routing: Routing, *, metrics: Metrics
    ) -> None:
        self.routing = routing
        self.backends = Backends(model_servers, settings=settings, metrics=metrics)
        self._settings = settings
        self._metrics = metrics
        self.lanes = Lanes(
            settings, on_refused=metrics.count_refused, pause_seconds=self.backends.pause_seconds
        )
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
        """Follow models.toml and the model servers until cancelled; the decode threads end with it."""
        self.backends.follow(self.routing.models)
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self.backends.run())
                tasks.create_task(self._follow_routing())
                tasks.create_task(self._shadow.run())
        finally:
            self._decode_pool.close()

    def not_ready_because(self, model: str) -> str | None:
        """Why a request that names no version would get no answer; None where it would."""
        return self.backends.not_ready_because(model, self.stable_version(model))

    def answering(self, model: str) -> ServedVersion | None:
        """The version that would answer a request that names none, if one would."""
        return self.backends.least_loaded(model, self.stable_version(model))

    def stable_version(self, model: str) -> int | None:
        """The version that answers where none is asked for; None for the newest that may.

        One that was just promoted may be unknown to the model servers yet, or fail its self-test: until it
        may answer, the one before does. Where neither may, it is the first that a self-test may still bring.
        """
        versions = self.routing.stable_versions(model)
        ready = [v for v in versions if self.backends.not_ready_because(model, v) is None]
        return (ready or [v for v in versions if self.backends.refusal(model, v) is None] or versions)[0]

    async def resolve(
        self,
        model: str,
        choice: VersionChoice = VersionChoice(),  # noqa: B008 - frozen
        *,
        deadline: Deadline,
        sticky_key: str = "",
    ) -> ServedVersion:
        """The version that would answer such a request now: see `predict` for what it raises."""
        request = ImagesRequest(
            model=model, images=(), deadline=deadline, choice=choice, sticky_key=sticky_key
        )
        return await self._resolve(request)

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
            self.routing.entry(request.model)  # metrics know known models only
            self._metrics.received(request.model, images=len(request.images))
        answer = await self._answer_or_retry(request, one, kind=kind, on_resolved=on_resolved)
        if request.live:
            self._metrics.answered(answer)
        return answer

    async def _answer_or_retry(
        self, request: ImagesRequest, one: _AnswerOne[_Row], *, kind: Kind, on_resolved: OnResolved
    ) -> Answer[_Row]:
        """Answer by the version resolved; once more by another where that one could not."""
        self._retries.paid_in()
        served = await self._resolve(request)
        try:
            on_resolved(served.target)
            return await self._answer_by(served, request, one, kind=kind)
        except (ModelNotFoundError, VersionNotFoundError):
            self.backends.forget(served)
            if request.choice.version is not None:
                raise
        except ModelServerAwayError:
            if not self._may_send_again(request):
                raise
        except OverloadedError:
            # Also where the refusal is our own; but then its model server is not to be left alone.
            if not (self._another_takes(served) and self._may_send_again(request)):
                raise
        served = await self._resolve(request, avoid=served)
        try:
            on_resolved(served.target)
            return await self._answer_by(served, request, one, kind=kind)
        except (ModelNotFoundError, VersionNotFoundError) as exc:
            raise ModelServerAwayError(f"model {request.model}: its versions come and go") from exc

    def _may_send_again(self, request: ImagesRequest) -> bool:
        """Whether the budget has a second attempt for it, which is counted then."""
        if not request.live:
            return False
        may = self._retries.take()
        self._metrics.retried(request.model, "sent" if may else "no_budget")
        return may

    def _another_takes(self, served: ServedVersion) -> bool:
        """Whether this one is overloaded and the same version elsewhere is not."""
        other = self.backends.least_loaded(served.target.model, served.target.version, avoid=(served,))
        return bool(served.pause.seconds and other and not other.pause.seconds)

    async def _resolve(self, request: ImagesRequest, *, avoid: ServedVersion | None = None) -> ServedVersion:
        """The version that answers a request; `avoid` is the one that just failed it, if one did."""
        model, deadline, choice = request.model, request.deadline, request.choice
        entry = self.routing.entry(model)
        version = choice.version
        if version is None and choice.label is not None:
            version = entry.aliases.get(choice.label)
            if version is None:
                version = await self.backends.version_of_label(model, choice.label, deadline=deadline)
        elif version is None:
            canary = self.routing.canary_version(request)
            # A canary that cannot answer must not hurt: its share goes where the others go.
            if canary is not None and self.backends.not_ready_because(model, canary) is None:
                version = canary
            else:
                version = self.stable_version(model)
        return await self._resolve_version(request, version, avoid=avoid)

    async def _resolve_version(
        self, request: ImagesRequest, version: int | None, *, avoid: ServedVersion | None
    ) -> ServedVersion:
        try:
            return await self.backends.resolve(
                request.model,
                version,
                deadline=request.deadline if avoid is None else self._soon(request.deadline),
                avoid=() if avoid is None else (avoid,),
                patient=avoid is not None,
            )
        except VersionNotFoundError as exc:
            if request.choice.version is not None:
                raise
            # The client did not ask for it: models.toml did.
            raise ModelServerAwayError(f"model {request.model}: {exc}, which models.toml names") from exc

    def _soon(self, deadline: Deadline) -> Deadline:
        """How long a second attempt waits for a model server to come back."""
        return min(deadline, Deadline.after(self._settings.retry_wait_seconds), key=lambda d: d.at)

    async def _answer_by(
        self, served: ServedVersion, request: ImagesRequest, one: _AnswerOne[_Row], *, kind: Kind
    ) -> Answer[_Row]:
        lane, images = self.lanes.of(request.model, kind), len(request.images)
        pause_seconds = served.pause.seconds
        with (
            lane.under_way(images, deadline=request.deadline, pause_seconds=pause_seconds) as answered,
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

    async def _follow_routing(self) -> None:
        while True:
            await asyncio.sleep(self._settings.poll_seconds)
            try:
                if await asyncio.to_thread(self.routing.read_again):
                    self.backends.follow(self.routing.models)
            # A fault of ours must not end the following; the next look may go better.
            except Exception:  # noqa: BLE001
                _log.exception("unexpected error while following models.toml")


async def _all_or_none(coroutines: Iterable[Coroutine[Any, Any, _Row]]) -> list[_Row]:
    """All results in order; the first error ends the others, whose work nobody would read."""
    tasks = [asyncio.create_task(coroutine) for coroutine in coroutines]
    try:
        return await asyncio.gather(*tasks)
    except BaseException:
        for task in tasks:
            task.cancel()
        raise
