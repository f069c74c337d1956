"""A scripted `Backend`: the seam at which scoring is tested without a model server or gateway."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Sequence

from contract.errors import ImageError, MiwakeError, UnsupportedFormatError
from contract.prediction import Candidate, Prediction
from modelserver.errors import VersionNotFoundError
from scoring.targets.target import Answer, Pinned


class Image:
    """A prepared photograph, counted as long as anybody holds it."""

    def __init__(self, data: bytes, backend: FakeBackend) -> None:
        self.data = data
        self._backend = backend
        backend.count(1)

    def __del__(self) -> None:
        self._backend.count(-1)


class FakeBackend:
    """Labels a photograph by its bytes and the version that answers; every knob is an attribute.

    Attributes:
        versions: what each says of itself, by number.
        connection: see `Backend.connection`.
        failures: raised by the next asks, one each.
        before_answer: called while an ask is under way.
        refused: photographs that an answer refuses, as a gateway's does.
        gate: asks wait for it.
        asked: the photographs of every ask, in order.
        chosen: every version that was tested.
        most_images: prepared at once.
        most_asks: under way at once.
    """

    def __init__(self, *, batch_size: int = 4) -> None:
        self.batch_size = batch_size
        self.versions = {1: "one"}
        self.connection = 0
        self.failures: list[MiwakeError] = []
        self.choose_failures: list[MiwakeError] = []
        self.before_answer: Callable[[], object] = lambda: None
        self.refused: dict[bytes, ImageError] = {}
        self.gate: asyncio.Event | None = None
        self.asked: list[list[bytes]] = []
        self.chosen: list[int] = []
        self.most_images = self.images = 0
        self.most_asks = self.asks = 0
        self._version: int | None = None
        self._counting = threading.Lock()

    def count(self, images: int) -> None:
        with self._counting:
            self.images += images
            self.most_images = max(self.most_images, self.images)

    async def choose(self, version: int | None) -> Pinned:
        await asyncio.sleep(0)
        if self.choose_failures:
            raise self.choose_failures.pop(0)
        number = max(self.versions) if version is None else version
        self._refuse_gone(number)
        self.chosen.append(number)
        self._version = number
        return Pinned("toy", number, self.versions[number])

    def prepare(self, image_bytes: bytes) -> Image:
        if image_bytes.startswith(b"bad"):
            raise UnsupportedFormatError("not an image")
        return Image(image_bytes, self)

    async def ask(self, images: Sequence[Image]) -> list[Answer | ImageError]:
        assert 1 <= len(images) <= self.batch_size
        assert self._version is not None
        version = self._version
        self.asks += 1
        self.most_asks = max(self.most_asks, self.asks)
        try:
            await (self.gate.wait() if self.gate else asyncio.sleep(0))
            if self.failures:
                raise self.failures.pop(0)
            self._refuse_gone(version)
            self.before_answer()
        finally:
            self.asks -= 1
        self.asked.append([image.data for image in images])
        return [self.refused.get(image.data) or _answer(image.data, version) for image in images]

    def _refuse_gone(self, version: int) -> None:
        if version not in self.versions:
            raise VersionNotFoundError(f"toy version {version} is not served")


def label_of(data: bytes, version: int = 1) -> str:
    return f"{data.decode()} by {version}"


def _answer(data: bytes, version: int) -> Answer:
    label = label_of(data, version)
    return Answer(prediction=Prediction(label, 0.75, (Candidate(label, 0.75),)))
