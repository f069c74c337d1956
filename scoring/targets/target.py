"""What scoring sees of whatever predicts."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from contract.errors import ImageError
from contract.prediction import Prediction
from modelserver.errors import ModelServerAwayError, VersionNotFoundError
from scoring.row import Extras

# What a target makes of an encoded photograph, for itself: pixels, or the bytes as they are.
Prepared = Any


@dataclass(frozen=True)
class Pinned:
    """The one version that answers.

    Attributes:
        model: its name.
        version: a concrete one.
        sha256: of what it says of itself, in hexadecimal: another model under the same number differs here.
    """

    model: str
    version: int
    sha256: str

    def __str__(self) -> str:
        return f"{self.model} version {self.version}"


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """What is asked of each photograph.

    Attributes:
        top_k: candidates, at least 1.
        extras: beside them.
        max_pixels: of a photograph; more is refused by its header.
    """

    top_k: int
    extras: Extras
    max_pixels: int


@dataclass(frozen=True, kw_only=True, eq=False)
class Answer:
    """What was said of one photograph; see `Row` for the last two."""

    prediction: Prediction
    embedding: npt.NDArray[np.float32] | None = None
    heatmap: bytes | None = None


class Backend(Protocol):
    """One model of whatever runs it."""

    @property
    def calls(self) -> int:
        """Batches under way at once that keep it busy."""

    @property
    def batch_size(self) -> int:
        """The most photographs of one `ask`, once a version was chosen."""

    @property
    def connection(self) -> int:
        """Another number each time a connection broke: what answers from then on may be something else."""

    async def choose(self, version: int | None) -> Pinned:
        """Test a version, by default the newest, and answer by it from here on.

        Raises:
            VersionNotFoundError: that version is not served.
            ContractBrokenError: it is, but does not keep what it promises.
            ModelServerError: nothing is known of it just now.
        """

    def prepare(self, image_bytes: bytes) -> Prepared:
        """Everything that can be done with a photograph on this machine; called from several threads.

        Raises:
            ImageError: this photograph will never have an answer.
        """

    async def ask(self, images: Sequence[Prepared]) -> Sequence[Answer | ImageError]:
        """Answers of the chosen version, in order.

        Raises:
            VersionNotFoundError: it is not served any more.
            ModelServerError: no answers this time; nothing is known of the photographs.
        """


class Target:
    """A backend that answers by the one version that was pinned, or not at all.

    Where a connection broke, the version is tested again before any answer counts, and what came over a
    connection that broke meanwhile does not count either.
    """

    def __init__(self, backend: Backend) -> None:
        self._backend = backend
        self._pinned: Pinned | None = None
        self._tested_connection = -1
        self._testing = asyncio.Lock()

    @property
    def calls(self) -> int:
        """See `Backend.calls`."""
        return self._backend.calls

    @property
    def batch_size(self) -> int:
        """The most photographs of one `answer`."""
        return self._backend.batch_size

    async def pin(self, version: int | None) -> Pinned:
        """Answer by this version, or the newest, from here on; errors are those of `Backend.choose`."""
        async with self._testing:
            connection = self._backend.connection
            self._pinned = await self._backend.choose(version)
            self._tested_connection = connection
            return self._pinned

    def prepare(self, image_bytes: bytes) -> Prepared:
        """See `Backend.prepare`."""
        return self._backend.prepare(image_bytes)

    async def answer(self, images: Sequence[Prepared], pinned: Pinned) -> Sequence[Answer | ImageError]:
        """Answers in order, each by exactly `pinned`, for which the images were prepared.

        Raises:
            VersionNotFoundError: that version is not pinned any more, is not served, or is another by now,
                after which nothing answers before `pin`.
            ModelServerError: see `Backend.ask`.
        """
        connection = await self._tested(pinned)
        answers = await self._backend.ask(images)
        if connection != self._backend.connection:
            raise ModelServerAwayError("the connection broke before the answer was here")
        return answers

    async def _tested(self, pinned: Pinned) -> int:
        """The connection over which `pinned` was found to answer; tested now where another one is there."""
        async with self._testing:
            if pinned != self._pinned:
                raise VersionNotFoundError(f"{pinned} does not answer any more")
            connection = self._backend.connection
            if self._tested_connection != connection:
                if await self._backend.choose(pinned.version) != pinned:
                    self._pinned = None  # from here on the backend prepares for the other one
                    raise VersionNotFoundError(f"{pinned} is not the same model that it was")
                self._tested_connection = connection
            return self._tested_connection
