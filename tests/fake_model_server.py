"""A scripted `ModelServer`: the seam at which the gateway is tested without gRPC or TensorFlow."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import numpy as np

from contract import signatures
from contract.errors import MiwakeError
from contract.manifest import Manifest
from modelserver.errors import ModelNotFoundError, VersionNotFoundError
from modelserver.protocol import Call, Tensors, VersionState, VersionStatus
from tests.manifests import manifest


def constant(*row: float) -> Callable[[np.ndarray], np.ndarray]:
    """A network that answers every image alike."""
    return lambda images: np.tile(np.array(row, dtype=np.float32), (len(images), 1))


class FakeVersion:
    """One version: what it says of itself and what it answers."""

    def __init__(
        self, its_manifest: Manifest | None = None, network: Callable[[np.ndarray], np.ndarray] | None = None
    ) -> None:
        self.manifest = its_manifest or manifest()
        self.network = network or constant(*self.manifest.golden.examples[0].probabilities)
        self.state = VersionState.AVAILABLE
        self.error = ""
        self.gate: asyncio.Event | None = None  # its predictions wait for it
        self.embedding = np.array([0.6, 0.8], dtype=np.float32)  # of every image


class FakeModelServer:
    """Holds models and their versions; every knob is an attribute."""

    def __init__(self, models: dict[str, dict[int, FakeVersion]] | None = None) -> None:
        self.models = models if models is not None else {"toy": {1: FakeVersion()}}
        self.labels: dict[str, dict[str, int]] = {}  # its own version labels, by model
        self.error: MiwakeError | None = None  # raised by every call
        self.versions_error: MiwakeError | None = None  # raised by versions alone
        self.predict_error: MiwakeError | None = None  # raised by serving_default alone
        self.predict_gate: asyncio.Event | None = None  # predictions wait for it
        self.fail_next_predict_only = False  # predict_error is raised once
        self.batches: list[int] = []
        self.class_indices: list[list[int]] = []  # of the calls of `explain`
        self.looks = 0  # calls of versions
        self.calls_in_flight = 0
        self.most_calls_in_flight = 0
        self._connection_broken = asyncio.Event()

    async def versions(self, model: str, *, timeout_seconds: float) -> tuple[VersionStatus, ...]:
        del timeout_seconds
        self.looks += 1
        if self.error or self.versions_error:
            raise self.error or self.versions_error
        if model not in self.models:
            raise ModelNotFoundError(model)
        return tuple(
            VersionStatus(number, version.state, version.error)
            for number, version in self.models[model].items()
        )

    async def call(self, call: Call, *, timeout_seconds: float) -> Tensors:
        del timeout_seconds
        if self.error:
            raise self.error
        if call.version not in self.models.get(call.model, {}):
            raise VersionNotFoundError(call.model)
        version = self.models[call.model][call.version]
        if call.signature == signatures.MANIFEST:
            text = version.manifest.to_json().encode()
            return {
                signatures.MANIFEST: np.array([text] * len(call.inputs[signatures.REQUEST]), dtype=object)
            }
        return await self._run(version, call)

    async def version_of_label(self, model: str, label: str, *, timeout_seconds: float) -> int:
        del timeout_seconds
        if self.error:
            raise self.error
        version = self.labels.get(model, {}).get(label)
        if version not in self.models.get(model, {}):
            raise VersionNotFoundError(label)
        assert version is not None
        return version

    async def _run(self, version: FakeVersion, call: Call) -> Tensors:
        """Answer `serving_default`, `embed` or `explain`: a heat map is 1 where the image is brightest."""
        images = call.inputs[signatures.IMAGES]
        probabilities = await self._predict(version, images)
        if call.signature == signatures.EMBED:
            return {signatures.EMBEDDINGS: np.tile(version.embedding, (len(images), 1))}
        if call.signature == signatures.EXPLAIN:
            self.class_indices.append(call.inputs[signatures.CLASS_INDEX].tolist())
            brightness = images.mean(axis=3, dtype=np.float32)
            heatmaps = brightness / np.maximum(brightness.max(axis=(1, 2), keepdims=True), 1)
            return {signatures.HEATMAPS: heatmaps, signatures.PROBABILITIES: probabilities}
        return {signatures.PROBABILITIES: probabilities}

    async def _predict(self, version: FakeVersion, images: Any) -> np.ndarray:
        self.calls_in_flight += 1
        self.most_calls_in_flight = max(self.most_calls_in_flight, self.calls_in_flight)
        try:
            if self.predict_gate:
                await self.predict_gate.wait()
            if version.gate:
                await version.gate.wait()
            if self.predict_error:
                error = self.predict_error
                if self.fail_next_predict_only:
                    self.predict_error = None
                raise error
            self.batches.append(len(images))
            return version.network(images)
        finally:
            self.calls_in_flight -= 1

    def break_connection(self) -> None:
        """What answers from now on may be another one."""
        self._connection_broken.set()

    async def lost(self) -> None:
        self._connection_broken = asyncio.Event()  # of the loop that waits
        await self._connection_broken.wait()

    async def close(self) -> None:
        """Nothing to release."""
