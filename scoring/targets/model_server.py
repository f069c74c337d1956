"""A model server as the target: photographs are decoded here, pixels go over gRPC."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import io
import json
from collections.abc import AsyncIterator, Sequence
from dataclasses import asdict
from typing import Any, Self

import numpy as np
import numpy.typing as npt
from PIL import Image

from contract.image import Pixels, decode
from contract.prediction import to_prediction
from contract.sidecar import Sidecar
from modelserver.errors import ModelServerAwayError
from modelserver.predict import ModelVersion, embed_batch, explain_batch, predict_batch
from modelserver.protocol import ModelServer, VersionState
from modelserver.self_test import self_test
from scoring.targets.target import Answer, Pinned, Wanted

CALL_TIMEOUT_SECONDS = 60.0


class ModelServerBackend:
    """One model of one model server.

    Args:
        server: where it runs.
        model: its name there.
        wanted: of each photograph.
        sidecar: of a model made elsewhere.
    """

    # One that it works on, one that waits there, one on its way.
    calls = 3

    def __init__(
        self, server: ModelServer, model: str, *, wanted: Wanted, sidecar: Sidecar | None = None
    ) -> None:
        self._server = server
        self._model = model
        self._wanted = wanted
        self._sidecar = sidecar
        self._chosen: ModelVersion | None = None
        self._broken = 0

    @contextlib.asynccontextmanager
    async def watching(self) -> AsyncIterator[Self]:
        """Notice, for the block, when the connection breaks."""
        watch = asyncio.create_task(self._watch())
        try:
            yield self
        finally:
            watch.cancel()
            await asyncio.wait([watch])

    @property
    def batch_size(self) -> int:
        """See `Backend.batch_size`."""
        return self._version.facts.max_batch_size

    @property
    def connection(self) -> int:
        """See `Backend.connection`."""
        return self._broken

    async def choose(self, version: int | None) -> Pinned:
        """See `Backend.choose`."""
        number = await self._newest() if version is None else version
        self._chosen = await self_test(
            self._server, self._model, number, timeout_seconds=CALL_TIMEOUT_SECONDS, sidecar=self._sidecar
        )
        return Pinned(self._model, number, _digest(self._chosen))

    def prepare(self, image_bytes: bytes) -> Pixels:
        """Decode, to uint8 [H, W, 3]; see `Backend.prepare`."""
        return decode(image_bytes, self._version.facts.image, max_pixels=self._wanted.max_pixels)

    async def ask(self, images: Sequence[Pixels]) -> list[Answer]:
        """See `Backend.ask`."""
        try:
            return await self._ask(self._version, images)
        except ModelServerAwayError:
            self._broken += 1
            raise

    @property
    def _version(self) -> ModelVersion:
        assert self._chosen is not None, "a version is chosen first"  # noqa: S101 - a fault of ours
        return self._chosen

    async def _watch(self) -> None:
        while True:
            await self._server.lost()
            self._broken += 1

    async def _newest(self) -> int:
        statuses = await self._server.versions(self._model, timeout_seconds=CALL_TIMEOUT_SECONDS)
        available = [status.version for status in statuses if status.state is VersionState.AVAILABLE]
        if not available:
            raise ModelServerAwayError(f"the model server has no version of {self._model} available")
        return max(available)

    async def _ask(self, version: ModelVersion, images: Sequence[Pixels]) -> list[Answer]:
        seconds, nothing = CALL_TIMEOUT_SECONDS, [None] * len(images)
        probabilities = await predict_batch(self._server, version, images, timeout_seconds=seconds)
        embeddings: Sequence[Any] = nothing
        if self._wanted.extras.embedding:
            embeddings = list(await embed_batch(self._server, version, images, timeout_seconds=seconds))
        heatmaps: Sequence[Any] = nothing
        if self._wanted.extras.heatmap:
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


def _digest(chosen: ModelVersion) -> str:
    """Of its manifest, or of its sidecar."""
    manifest = chosen.manifest
    text = json.dumps(asdict(chosen.facts), default=repr) if manifest is None else manifest.to_json()  # type: ignore[call-overload]
    return hashlib.sha256(text.encode()).hexdigest()
