"""What a version made elsewhere must pass before any answer of it is used."""

from __future__ import annotations

import asyncio

import numpy as np
import numpy.typing as npt

from contract.errors import ContractBrokenError, ImageError
from contract.image import Pixels, decode
from contract.sidecar import Sidecar
from modelserver.errors import SignatureNotFoundError, UnexpectedAnswerError
from modelserver.predict import ModelVersion, predict_all
from modelserver.protocol import ModelServer

# Room for a softmax in half precision.
_SUM_TOLERANCE = 0.01
_BLACK, _GRAY = 0, 128


async def foreign_self_test(
    model_server: ModelServer, model: str, version: int, *, sidecar: Sidecar, timeout_seconds: float
) -> ModelVersion:
    """Ask a version for a black and a gray image, and for the sidecar's own.

    Returns:
        The version with its sidecar.

    Raises:
        ContractBrokenError: the sidecar is of another version, the answers are not one probability for
            every label, or another label comes first than the sidecar says.
        ModelServerError: the model server was away, late, overloaded or broken; nothing is known of the
            version.
    """
    if (model, version) != (sidecar.model, sidecar.version):
        raise ContractBrokenError(
            f"its sidecar describes {sidecar.model} version {sidecar.version} and no other: "
            f"{model} version {version} is not served"
        )
    images = await asyncio.to_thread(_images, sidecar)
    target = ModelVersion(model, version, sidecar)
    try:
        rows = await predict_all(model_server, target, images, timeout_seconds=timeout_seconds)
    except SignatureNotFoundError as exc:
        raise UnexpectedAnswerError(f"the model has no signature {sidecar.signature!r}") from exc
    _check_probabilities(rows)
    _check_labels(rows[2:], sidecar)
    return target


def _images(sidecar: Sidecar) -> Pixels:
    """uint8 [2 + G, H, W, 3]: black, gray, then the golden ones."""
    plain = [np.full(sidecar.image.shape, shade, dtype=np.uint8) for shade in (_BLACK, _GRAY)]
    try:
        golden = [decode(example.image_bytes, sidecar.image) for example in sidecar.golden]
    except ImageError as exc:
        raise ContractBrokenError(f"a golden example cannot be decoded: {exc}") from exc
    return np.stack([*plain, *golden])


def _check_probabilities(rows: npt.NDArray[np.float32]) -> None:
    if rows.min() < -_SUM_TOLERANCE or np.abs(rows.sum(axis=1) - 1).max() > _SUM_TOLERANCE:
        raise ContractBrokenError(
            "its outputs are no probabilities that sum to 1: does its sidecar call logits probabilities?"
        )


def _check_labels(rows: npt.NDArray[np.float32], sidecar: Sidecar) -> None:
    for row, example in zip(rows, sidecar.golden, strict=True):
        label = sidecar.labels[int(row.argmax())]
        if label != example.label:
            raise ContractBrokenError(
                f"golden examples: {label!r} comes first where the sidecar says {example.label!r}"
            )
