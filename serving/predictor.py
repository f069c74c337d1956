"""Bytes in, labels out: the core of the gateway, which knows neither HTTP nor gRPC."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from contract.errors import ImageError
from contract.image import Pixels
from contract.prediction import Prediction, to_prediction
from modelserver.errors import (
    DeadlineExceededError,
    ModelNotFoundError,
    ModelServerAwayError,
    VersionNotFoundError,
)
from modelserver.predict import ModelVersion, predict_batch
from modelserver.protocol import ModelServer
from serving.batcher import Batcher, Probabilities
from serving.deadline import Deadline
from serving.decode_pool import DecodePool
from serving.metrics import Metrics, Stage
from serving.model_watch import ModelWatch, ServedVersion
from serving.settings import Settings

_Result = TypeVar("_Result")


@dataclass(frozen=True, kw_only=True)
class PredictRequest:
    """What a client asks.

    Attributes:
        model: its name.
        images: encoded, at least one.
        version: a concrete one, or None for the newest that passed its self-test.
        top_k: candidates an image, at least 1.
        deadline: for the whole of it.
    """

    model: str
    images: Sequence[bytes]
    version: int | None
    top_k: int
    deadline: Deadline


@dataclass(frozen=True)
class Answer:
    """What is said of every image of a request, in order, by one version of one model."""

    target: ModelVersion
    outcomes: tuple[Prediction | ImageError, ...]


class Predictor:
    """Resolves a version, decodes, predicts and labels.

    Owns one watch a model and the decode threads; `run` keeps the watches going.
    """

    def __init__(self, settings: Settings, model_server: ModelServer, *, metrics: Metrics) -> None:
        self._settings = settings
        self._model_server = model_server
        self._metrics = metrics
        self._decode_pool = DecodePool(
            threads=settings.decode_threads, max_image_pixels=settings.max_image_pixels, metrics=metrics
        )
        self.watches: Mapping[str, ModelWatch] = {
            model: ModelWatch(
                model,
                model_server=model_server,
                batcher_for=self._batcher_for,
                metrics=metrics,
                settings=settings,
            )
            for model in settings.models
        }

    def watch(self, model: str) -> ModelWatch:
        """The watch of one model.

        Raises:
            ModelNotFoundError: it is not served here.
        """
        if model not in self.watches:
            raise ModelNotFoundError(f"no model {model!r}; served are: {', '.join(self.watches)}")
        return self.watches[model]

    async def run(self) -> None:
        """Follow the model server until cancelled; the decode threads end with it."""
        try:
            async with asyncio.TaskGroup() as tasks:
                for watch in self.watches.values():
                    tasks.create_task(watch.run())
        finally:
            self._decode_pool.close()

    async def predict(
        self, request: PredictRequest, *, on_resolved: Callable[[ModelVersion], None]
    ) -> Answer:
        """Predict a request's images.

        Args:
            request: what is asked.
            on_resolved: told the version that will answer, before it does.

        Returns:
            An outcome for each image; a bad image fails alone.

        Raises:
            ModelServerError: any; then nothing is known of any image.
            ContractBrokenError: the version asked for does not keep its manifest.
        """
        watch = self.watch(request.model)
        self._metrics.images.labels(request.model).inc(len(request.images))
        served = await watch.resolve(request.version, deadline=request.deadline)
        try:
            on_resolved(served.target)
            return await self._predict_with(served, request)
        except (ModelNotFoundError, VersionNotFoundError):
            watch.forget_one(served.target)
            if request.version is not None:
                raise
        # It was unloaded between being resolved and being called: once more, with what is the newest now.
        served = await watch.resolve(None, deadline=request.deadline)
        try:
            on_resolved(served.target)
            return await self._predict_with(served, request)
        except (ModelNotFoundError, VersionNotFoundError) as exc:
            raise ModelServerAwayError(f"model {request.model}: its versions come and go") from exc

    async def _predict_with(self, served: ServedVersion, request: PredictRequest) -> Answer:
        try:
            async with asyncio.timeout(request.deadline.remaining_seconds()):
                rows = await _all_or_none(
                    self._row(image, served, request.deadline) for image in request.images
                )
        except TimeoutError as exc:
            raise DeadlineExceededError("the request took longer than it may") from exc
        manifest = served.target.manifest
        outcomes = tuple(
            row if isinstance(row, ImageError) else to_prediction(row, manifest, top_k=request.top_k)
            for row in rows
        )
        self._count(served.target, outcomes)
        return Answer(served.target, outcomes)

    async def _row(
        self, image_bytes: bytes, served: ServedVersion, deadline: Deadline
    ) -> Probabilities | ImageError:
        try:
            pixels = await self._decode_pool.decode(image_bytes, served.target.manifest.image)
        except ImageError as exc:
            return exc
        return await served.batcher.predict(pixels, deadline=deadline)

    def _batcher_for(self, target: ModelVersion) -> Batcher:
        async def send(images: list[Pixels], seconds: float) -> Probabilities:
            self._metrics.batch_size.labels(target.model).observe(len(images))
            try:
                with self._metrics.stage(Stage.PREDICT):
                    return await predict_batch(self._model_server, target, images, timeout_seconds=seconds)
            except ModelServerAwayError:
                self._forget_all(target)
                raise

        return Batcher(
            send,
            max_batch_size=target.manifest.max_batch_size,
            max_calls_in_flight=self._settings.max_calls_in_flight,
            max_waiting=self._settings.max_waiting_images,
            on_taken=lambda seconds: self._metrics.observe_stage(Stage.QUEUE, seconds),
        )

    def _forget_all(self, target: ModelVersion) -> None:
        """A call found the model server away: before anything else is sent to what may come back."""
        if self.watches[target.model].may_answer(
            target
        ):  # else it was forgotten before, and this is old news
            for watch in self.watches.values():
                watch.forget_all("the model server is away")

    def _count(self, target: ModelVersion, outcomes: Sequence[Prediction | ImageError]) -> None:
        version = str(target.version)
        for outcome in outcomes:
            if isinstance(outcome, ImageError):
                self._metrics.images_rejected.labels(target.model, outcome.code).inc()
            else:
                self._metrics.predictions.labels(target.model, version, outcome.label).inc()
                self._metrics.top_probability.labels(target.model, version).observe(outcome.probability)


async def _all_or_none(coroutines: Iterable[Coroutine[Any, Any, _Result]]) -> list[_Result]:
    """All results in order; the first error ends the others, whose work nobody would read."""
    tasks = [asyncio.create_task(coroutine) for coroutine in coroutines]
    try:
        return await asyncio.gather(*tasks)
    except BaseException:
        for task in tasks:
            task.cancel()
        raise
