"""What scoring sees of whatever predicts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from contract.errors import ImageError
from contract.prediction import Prediction
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


class Target(Protocol):
    """Predicts batches, always by the version that is pinned."""

    @property
    def batch_size(self) -> int:
        """The most photographs of one `answer`."""

    async def pin(self, version: int | None) -> Pinned:
        """Choose the version that answers from here on, the newest one by default.

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

    async def answer(self, images: Sequence[Prepared], pinned: Pinned) -> Sequence[Answer | ImageError]:
        """Answers in order, each by exactly `pinned`.

        Raises:
            VersionNotFoundError: that version is not pinned any more, is not served, or is another by now.
            ModelServerError: no answers this time; nothing is known of the photographs.
        """
