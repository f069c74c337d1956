"""What is asked of the gateway's core and what it answers: values that know no transport."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Generic, TypeVar

import numpy as np
import numpy.typing as npt

from contract.errors import ImageError
from contract.image import Pixels
from modelserver.predict import ModelVersion
from serving.load.deadline import Deadline

Probabilities = npt.NDArray[np.float32]
Embedding = npt.NDArray[np.float32]
Row = TypeVar("Row")


@dataclass(frozen=True, kw_only=True)
class VersionChoice:
    """Which version of a model is to answer.

    Attributes:
        version: a concrete one.
        label: an alias of models.toml, else a label of the model server's own.

    Neither leaves the choice to models.toml: its canary, its `stable`, else the newest that may answer.
    """

    version: int | None = None
    label: str | None = None


NO_CHOICE = VersionChoice()


@dataclass(frozen=True, kw_only=True)
class ImagesRequest:
    """Images to be answered by one version of one model.

    Attributes:
        model: its name.
        images: at least one, each encoded or already uint8 [H, W, 3] of the model's size; one that did not
            even get here is its error, which is its outcome.
        deadline: for the whole of it.
        choice: which version.
        sticky_key: requests of the same key fall into the canary's share together; empty draws by chance.
        caller: the digest of who asks; empty for anyone.
        live: whether it counts in the metrics of what clients asked; a shadow's does not.
    """

    model: str
    images: Sequence[bytes | Pixels | ImageError] = field(repr=False)
    deadline: Deadline
    choice: VersionChoice = NO_CHOICE
    sticky_key: str = ""
    caller: str = ""
    live: bool = True


@dataclass(frozen=True)
class Answer(Generic[Row]):
    """An outcome for each image of a request, in order, all by one version; a bad image fails alone."""

    target: ModelVersion
    outcomes: tuple[Row | ImageError, ...]


@dataclass(frozen=True, kw_only=True, eq=False)
class Explanation:
    """Where the model looked.

    Attributes:
        label: the class that the heat map speaks of.
        heatmap: float32 [H, W] in [0, 1].
        probabilities: float32 [C].
        pixels: uint8 [H, W, 3], the image as the model saw it.
    """

    label: str
    heatmap: npt.NDArray[np.float32]
    probabilities: Probabilities
    pixels: Pixels
