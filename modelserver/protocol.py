"""What the rest of the project sees of a model server: a protocol and its values, no transport."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Protocol

import numpy.typing as npt

Tensors = Mapping[str, npt.NDArray[Any]]


class VersionState(StrEnum):
    """Where a version is in its life on the model server."""

    START = "START"
    LOADING = "LOADING"
    AVAILABLE = "AVAILABLE"
    UNLOADING = "UNLOADING"
    END = "END"


@dataclass(frozen=True)
class VersionStatus:
    """One version, as the model server reports it; `error` is empty unless it failed."""

    version: int
    state: VersionState
    error: str = ""


@dataclass(frozen=True, kw_only=True)
class Call:
    """One call of a signature.

    Attributes:
        model: its name.
        version: always a concrete one, so that the answer's labels are known before it comes.
        signature: see contract.signatures.
        inputs: by name, all with the same first dimension of at least 1.
    """

    model: str
    version: int
    signature: str
    inputs: Tensors = field(repr=False)


class ModelServer(Protocol):
    """Runs signatures of models, whatever it is and wherever it runs."""

    async def versions(self, model: str, *, timeout_seconds: float) -> tuple[VersionStatus, ...]:
        """All versions it knows of, the ended ones too.

        Raises:
            ModelServerError: ModelNotFoundError, ModelServerAwayError or DeadlineExceededError.
        """

    async def call(self, call: Call, *, timeout_seconds: float) -> Tensors:
        """Run one signature.

        Returns:
            Its outputs by name.

        Raises:
            ModelServerError: any of them.
        """

    async def version_of_label(self, model: str, label: str, *, timeout_seconds: float) -> int:
        """The version that the model server's own label (`version_label`) stands for just now.

        The model must have a `manifest` signature: it is the cheapest one that tells which version answered.

        Raises:
            VersionNotFoundError: no such label, or its version is not loaded.
            ModelServerError: any other.
        """

    async def lost(self) -> None:
        """Return once the connection breaks: what answers from then on may be another model server."""

    async def close(self) -> None:
        """Release its connections."""
