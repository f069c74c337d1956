"""A model server as the target: photographs are decoded here, pixels go over gRPC."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import io
import json
from collections.abc import AsyncIterator, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from contract.errors import ImageError
from contract.image import Pixels, decode
from contract.manifest import Manifest
from contract.model_facts import ModelFacts
from contract.prediction import to_prediction
from contract.sidecar import Sidecar
from modelserver.errors import ModelServerAwayError, VersionNotFoundError
from modelserver.predict import ModelVersion, embed_batch, explain_batch, predict_batch
from modelserver.protocol import ModelServer, VersionState
from modelserver.self_test import self_test
from scoring.targets.target import Answer, Pinned, Prepared, Wanted

CALL_TIMEOUT_SECONDS = 60.0


class ModelServerTarget:
    """One model of one model server.

    A connection that breaks may come back to another model server: the version is tested again before any
    answer counts, and what came over a connection that broke meanwhile does not.

    Args:
        server: where it runs.
        model: its name there.
        wanted: of each photograph.
        sidecar: of a model made elsewhere.
    """

    def __init__(
        self, server: ModelServer, model: str, *, wanted: Wanted, sidecar: Sidecar | None = None
    ) -> None:
        self._server = server
        self._model = model
        self._wanted = wanted
        self._sidecar = sidecar
        self._pinned: Pinned | None = None
        self._tested: ModelVersion | None = None
        self._connection = 0  # counts those that broke
        self._tested_connection = -1
        self._testing = asyncio.Lock()

    @contextlib.asynccontextmanager
    async def watching(self) -> AsyncIterator[ModelServerTarget]:
        """Notice, for the block, when the connection breaks."""
        watch = asyncio.create_task(self._watch())
        try:
            yield self
        finally:
            watch.cancel()
            await asyncio.wait([watch])

    @property
    def batch_size(self) -> int:
        """See `Target.batch_size`."""
        return self._version.facts.max_batch_size

    async def pin(self, version: int | None) -> Pinned:
        """See `Target.pin`."""
        connection = self._connection
        number = await self._newest() if version is None else version
        self._tested = await self_test(
            self._server, self._model, number, timeout_seconds=CALL_TIMEOUT_SECONDS, sidecar=self._sidecar
        )
        self._tested_connection = connection
        self._pinned = Pinned(self._model, number, _digest(self._tested.facts))
        return self._pinned

    def prepare(self, image_bytes: bytes) -> Pixels:
        """Decode, to uint8 [H, W, 3]; see `Target.prepare`."""
        return decode(image_bytes, self._version.facts.image, max_pixels=self._wanted.max_pixels)

    async def answer(self, images: Sequence[Prepared], pinned: Pinned) -> Sequence[Answer | ImageError]:
        """See `Target.answer`."""
        await self._test_again(pinned)
        version, connection = self._version, self._connection
        try:
            answers = await self._ask(version, images)
        except ModelServerAwayError:
            self._connection += 1
            raise
        if connection != self._connection:
            raise ModelServerAwayError("the connection broke before the answer was here")
        return answers

    @property
    def _version(self) -> ModelVersion:
        assert self._tested is not None, "pin comes first"  # noqa: S101 - a fault of ours
        return self._tested

    async def _watch(self) -> None:
        while True:
            await self._server.lost()
            self._connection += 1

    async def _newest(self) -> int:
        statuses = await self._server.versions(self._model, timeout_seconds=CALL_TIMEOUT_SECONDS)
        available = [status.version for status in statuses if status.state is VersionState.AVAILABLE]
        if not available:
            raise ModelServerAwayError(f"the model server has no version of {self._model} available")
        return max(available)

    async def _test_again(self, pinned: Pinned) -> None:
        """Where the connection has changed since: is what answers now still what was pinned?"""
        async with self._testing:
            if pinned != self._pinned:
                raise VersionNotFoundError(f"{pinned} is not pinned any more")
            if self._tested_connection == self._connection:
                return
            again = await self.pin(pinned.version)
            if again != pinned:
                self._pinned = pinned  # so that every batch hears of it
                self._tested_connection = -1
                raise VersionNotFoundError(f"{pinned} is not the same model that it was")

    async def _ask(self, version: ModelVersion, images: Sequence[Prepared]) -> list[Answer]:
        extras, seconds = self._wanted.extras, CALL_TIMEOUT_SECONDS
        probabilities = await predict_batch(self._server, version, images, timeout_seconds=seconds)
        embeddings: Sequence[Any] = [None] * len(images)
        heatmaps: Sequence[Any] = [None] * len(images)
        if extras.embedding:
            embeddings = await embed_batch(self._server, version, images, timeout_seconds=seconds)
        if extras.heatmap:
            best = probabilities.argmax(axis=1).tolist()
            explained, _ = await explain_batch(
                self._server, version, images, class_indices=best, timeout_seconds=seconds
            )
            heatmaps = await asyncio.to_thread(lambda: [heat_png(heat) for heat in explained])
        return [
            Answer(
                prediction=to_prediction(row, version.facts, top_k=self._wanted.top_k),
                embedding=embedding,
                heatmap=heatmap,
            )
            for row, embedding, heatmap in zip(probabilities, embeddings, heatmaps, strict=True)
        ]


def heat_png(heatmap: npt.NDArray[np.float32]) -> bytes:
    """A heat map [H, W] of 0 to 1 as an 8-bit gray PNG."""
    file = io.BytesIO()
    Image.fromarray(np.round(heatmap * 255).astype(np.uint8)).save(file, "PNG")
    return file.getvalue()


def _digest(facts: ModelFacts) -> str:
    text = facts.to_json() if isinstance(facts, Manifest) else json.dumps(asdict(facts), default=repr)  # type: ignore[call-overload]
    return hashlib.sha256(text.encode()).hexdigest()
