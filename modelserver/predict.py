"""A batch of pixels to a model version, and its probabilities back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from contract import signatures
from contract.batch_sizes import stack_padded
from contract.image import Pixels
from contract.manifest import Manifest
from modelserver.errors import UnexpectedAnswerError
from modelserver.protocol import Call, ModelServer, Tensors


@dataclass(frozen=True)
class ModelVersion:
    """A concrete version and the manifest it carries."""

    model: str
    version: int
    manifest: Manifest


async def predict_batch(
    model_server: ModelServer,
    target: ModelVersion,
    images: Sequence[Pixels] | Pixels,
    *,
    timeout_seconds: float,
) -> npt.NDArray[np.float32]:
    """Predict one batch, padded to the next power of two.

    Args:
        model_server: where the model runs.
        target: the version to ask.
        images: N arrays uint8 [H, W, 3] of the manifest's size, N from 1 to its max_batch_size.
        timeout_seconds: for the call.

    Returns:
        float32 [N, C]; the padding's rows are dropped.

    Raises:
        UnexpectedAnswerError: not [N, C] finite probabilities.
        ModelServerError: any other.
    """
    batch = stack_padded(images)
    call = Call(
        model=target.model,
        version=target.version,
        signature=signatures.SERVING_DEFAULT,
        inputs={signatures.IMAGES: batch},
    )
    outputs = await model_server.call(call, timeout_seconds=timeout_seconds)
    probabilities = output(outputs, signatures.PROBABILITIES)
    if probabilities.shape != (len(batch), len(target.manifest.labels)) or not _all_finite(probabilities):
        raise UnexpectedAnswerError("the model server did not answer with one probability for every label")
    return probabilities[: len(images)]


def output(outputs: Tensors, name: str) -> npt.NDArray[Any]:
    """One output by name.

    Raises:
        UnexpectedAnswerError: the model server's answer has none of that name.
    """
    if name not in outputs:
        raise UnexpectedAnswerError(f"the model server's answer has no output {name!r}")
    return outputs[name]


def _all_finite(values: npt.NDArray[Any]) -> bool:
    return bool(np.issubdtype(values.dtype, np.floating) and np.isfinite(values).all())
