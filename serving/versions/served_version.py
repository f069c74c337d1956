"""A version that passed its self-test on one model server, and the queues before it."""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Callable, Coroutine, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from contract.errors import MiwakeError
from contract.image import Pixels
from modelserver.errors import ModelServerAwayError, OverloadedError
from modelserver.predict import ModelVersion, embed_batch, explain_batch, predict_batch
from modelserver.protocol import ModelServer
from serving.asking import Embedding, Probabilities
from serving.load.batcher import Batcher
from serving.load.pause import Pause
from serving.settings import Settings
from serving.telemetry.metrics import Metrics, Stage

Explained = tuple[npt.NDArray[np.float32], Probabilities]


@dataclass(kw_only=True, eq=False)
class ServedVersion:
    """What answers: one queue for each signature that takes images.

    Attributes:
        target: the version, and what it says of itself.
        predict: pixels to probabilities.
        explain: pixels and a class to a heat map and probabilities.
        embed: pixels to an embedding.
        pause: while it is to be left alone, because its model server has too much to do.
        load: images of requests that it has been given and has not answered, from before they are decoded.
    """

    target: ModelVersion
    predict: Batcher[Pixels, Probabilities]
    explain: Batcher[tuple[Pixels, int], Explained]
    embed: Batcher[Pixels, Embedding]
    pause: Pause = field(default_factory=Pause)
    load: int = 0

    @property
    def waiting(self) -> int:
        """Images that wait for a call."""
        return self.predict.waiting + self.explain.waiting + self.embed.waiting

    @contextlib.contextmanager
    def loaded(self, images: int) -> Iterator[None]:
        """Count a request's images for the block."""
        self.load += images
        try:
            yield
        finally:
            self.load -= images

    def close(self, error: MiwakeError) -> None:
        """Nobody gets an answer of it any more; see `Batcher.close`."""
        for batcher in (self.predict, self.explain, self.embed):
            batcher.close(error)


def serve_version(  # noqa: PLR0913 - what it is wired to
    target: ModelVersion,
    model_server: ModelServer,
    *,
    settings: Settings,
    metrics: Metrics,
    away: Callable[[], None],
    heard: Callable[[], None],
) -> ServedVersion:
    """Put the queues before a version that may answer now.

    Args:
        target: the version.
        model_server: where it passed.
        settings: the deployment's.
        metrics: told of every batch.
        away: called where a call finds the model server away, before its images are answered.
        heard: called where it answers one, if only that it has too much to do.
    """

    async def predict(images: list[Pixels], seconds: float) -> Probabilities:
        return await predict_batch(model_server, target, images, timeout_seconds=seconds)

    async def explain(items: list[tuple[Pixels, int]], seconds: float) -> list[Explained]:
        images, classes = zip(*items, strict=True)
        heatmaps, probabilities = await explain_batch(
            model_server, target, images, class_indices=classes, timeout_seconds=seconds
        )
        return list(zip(heatmaps, probabilities, strict=True))

    async def embed(images: list[Pixels], seconds: float) -> Embedding:
        return await embed_batch(model_server, target, images, timeout_seconds=seconds)

    batcher = functools.partial(
        Batcher,
        max_batch_size=target.facts.max_batch_size,
        max_calls_in_flight=settings.max_calls_in_flight,
        on_taken=functools.partial(metrics.observe_stage, Stage.QUEUE),
        on_answered=metrics.predicted,
    )
    pause = Pause()
    watched = functools.partial(_watched, target=target, metrics=metrics, away=away, heard=heard, pause=pause)
    return ServedVersion(
        target=target,
        predict=batcher(watched(predict)),
        explain=batcher(watched(explain)),
        embed=batcher(watched(embed)),
        pause=pause,
    )


def _watched(  # noqa: PLR0913 - who is told
    send: Callable[[list[Any], float], Coroutine[Any, Any, Iterable[Any]]],
    *,
    target: ModelVersion,
    metrics: Metrics,
    away: Callable[[], None],
    heard: Callable[[], None],
    pause: Pause,
) -> Callable[[list[Any], float], Coroutine[Any, Any, Iterable[Any]]]:
    """The same call, seen by the metrics and by who follows the model server."""

    async def watched(items: list[Any], seconds: float) -> Iterable[Any]:
        try:
            with metrics.call(target, images=len(items)):
                results = await send(items, seconds)
        except ModelServerAwayError:
            away()
            raise
        except OverloadedError:
            pause.begin()
            heard()
            raise
        pause.answered()
        heard()
        return results

    return watched
