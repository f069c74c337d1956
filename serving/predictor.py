"""Bytes in, labels out: the core of the gateway, which knows neither HTTP nor gRPC."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

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
        self,
        model: str,
        images: Sequence[bytes],
        *,
        version: int | None,
        top_k: int,
        deadline: Deadline,
    ) -> Answer:
        """Predict a request's images.

        Args:
            model: its name.
            images: encoded, at least one.
            version: a concrete one, or None for the newest that passed its self-test.
            top_k: candidates an image, at least 1.
            deadline: for the whole of it.

        Returns:
            An outcome for each image; a bad image fails alone.

        Raises:
            ModelServerError: any; then nothing is known of any image.
            ContractBrokenError: the version asked for does not keep its manifest.
        """
        watch = self.watch(model)
        served = await watch.resolve(version, deadline=deadline)
        try:
            return await self._predict_with(watch, served, images, top_k=top_k, deadline=deadline)
        except (ModelNotFoundError, VersionNotFoundError):
            if version is not None:
                raise
        # The newest version went away between being resolved and being called: once more, with what is
        # the newest now.
        await watch.refresh()
        served = await watch.resolve(None, deadline=deadline)
        return await self._predict_with(watch, served, images, top_k=top_k, deadline=deadline)

    async def _predict_with(
        self,
        watch: ModelWatch,
        served: ServedVersion,
        images: Sequence[bytes],
        *,
        top_k: int,
        deadline: Deadline,
    ) -> Answer:
        try:
            async with asyncio.timeout(deadline.remaining_seconds()):
                rows = await asyncio.gather(*(self._row(image, served, deadline) for image in images))
        except TimeoutError as exc:
            raise DeadlineExceededError("the request took longer than it may") from exc
        except ModelServerAwayError:
            watch.report_away()
            raise
        manifest = served.target.manifest
        outcomes = tuple(
            row if isinstance(row, ImageError) else to_prediction(row, manifest, top_k=top_k) for row in rows
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
            with self._metrics.stage(Stage.PREDICT):
                return await predict_batch(self._model_server, target, images, timeout_seconds=seconds)

        return Batcher(
            send,
            max_batch_size=target.manifest.max_batch_size,
            max_calls_in_flight=self._settings.max_calls_in_flight,
            max_waiting=self._settings.max_waiting_images,
            on_taken=lambda seconds: self._metrics.observe_stage(Stage.QUEUE, seconds),
        )

    def _count(self, target: ModelVersion, outcomes: Sequence[Prediction | ImageError]) -> None:
        self._metrics.images.labels(target.model).inc(len(outcomes))
        version = str(target.version)
        for outcome in outcomes:
            if isinstance(outcome, ImageError):
                self._metrics.images_rejected.labels(target.model, outcome.code).inc()
            else:
                self._metrics.predictions.labels(target.model, version, outcome.label).inc()
                self._metrics.top_probability.labels(target.model, version).observe(outcome.probability)
