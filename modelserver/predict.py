"""A batch of pixels to a model version, and what its signatures answer."""

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
from contract.model_facts import ModelFacts
from contract.sidecar import Sidecar
from modelserver.errors import SignatureNotFoundError, UnexpectedAnswerError
from modelserver.foreign import as_probabilities, foreign_inputs
from modelserver.protocol import Call, ModelServer, Tensors

_Floats = npt.NDArray[np.float32]


@dataclass(frozen=True)
class ModelVersion:
    """A concrete version and what is known of it: its manifest, or the sidecar of one made elsewhere."""

    model: str
    version: int
    facts: ModelFacts

    @property
    def manifest(self) -> Manifest | None:
        """What the version says of itself; None for one made elsewhere."""
        return self.facts if isinstance(self.facts, Manifest) else None


async def predict_batch(
    model_server: ModelServer,
    target: ModelVersion,
    images: Sequence[Pixels] | Pixels,
    *,
    timeout_seconds: float,
) -> _Floats:
    """Predict one batch, padded to the next power of two.

    Args:
        model_server: where the model runs.
        target: the version to ask.
        images: N arrays uint8 [H, W, 3] of its image spec's size, N from 1 to its max_batch_size.
        timeout_seconds: for the call.

    Returns:
        float32 [N, C]; the padding's rows are dropped.

    Raises:
        UnexpectedAnswerError: not [N, C] finite probabilities.
        ModelServerError: any other.
    """
    facts, batch = target.facts, stack_padded(images)
    shape = (len(batch), len(facts.labels))
    if isinstance(facts, Sidecar):
        call = _call(target, facts.signature, foreign_inputs(batch, facts))
        outputs = await model_server.call(call, timeout_seconds=timeout_seconds)
        return as_probabilities(_finite(outputs, facts.output_name, shape), facts)[: len(images)]
    call = _call(target, signatures.SERVING_DEFAULT, {signatures.IMAGES: batch})
    outputs = await model_server.call(call, timeout_seconds=timeout_seconds)
    return _finite(outputs, signatures.PROBABILITIES, shape)[: len(images)]


async def predict_all(
    model_server: ModelServer, target: ModelVersion, images: Pixels, *, timeout_seconds: float
) -> _Floats:
    """Predict uint8 [N, H, W, 3] for any N >= 1 in batches the model takes; otherwise as `predict_batch`."""
    size = target.facts.max_batch_size
    batches = [images[start : start + size] for start in range(0, len(images), size)]
    rows = [
        await predict_batch(model_server, target, batch, timeout_seconds=timeout_seconds) for batch in batches
    ]
    return np.concatenate(rows)


async def explain_batch(
    model_server: ModelServer,
    target: ModelVersion,
    images: Sequence[Pixels] | Pixels,
    *,
    class_indices: Sequence[int],
    timeout_seconds: float,
) -> tuple[_Floats, _Floats]:
    """Ask where one batch shows what speaks for a class.

    Args:
        model_server: where the model runs.
        target: the version to ask.
        images: as for `predict_batch`.
        class_indices: N positions in the labels, the class that each image is explained for.
        timeout_seconds: for the call.

    Returns:
        (heat maps float32 [N, H, W] in [0, 1], probabilities float32 [N, C]).

    Raises:
        SignatureNotFoundError: the model was made elsewhere, and explains nothing.
        UnexpectedAnswerError: another shape, or not finite.
        ModelServerError: any other.
    """
    batch = _own_batch(target, images)
    wanted = np.zeros(len(batch), dtype=np.int32)
    wanted[: len(images)] = class_indices
    inputs: Tensors = {signatures.IMAGES: batch, signatures.CLASS_INDEX: wanted}
    call = _call(target, signatures.EXPLAIN, inputs)
    outputs = await model_server.call(call, timeout_seconds=timeout_seconds)
    heatmaps = _finite(outputs, signatures.HEATMAPS, batch.shape[:3])
    probabilities = _finite(outputs, signatures.PROBABILITIES, (len(batch), len(target.facts.labels)))
    return heatmaps[: len(images)], probabilities[: len(images)]


async def embed_batch(
    model_server: ModelServer,
    target: ModelVersion,
    images: Sequence[Pixels] | Pixels,
    *,
    timeout_seconds: float,
) -> _Floats:
    """Ask for the feature vectors of one batch; arguments and errors are those of `explain_batch`.

    Returns:
        float32 [N, D], each of length 1.
    """
    batch = _own_batch(target, images)
    call = _call(target, signatures.EMBED, {signatures.IMAGES: batch})
    outputs = await model_server.call(call, timeout_seconds=timeout_seconds)
    return _finite(outputs, signatures.EMBEDDINGS, (len(batch), None))[: len(images)]


def output(outputs: Tensors, name: str) -> npt.NDArray[Any]:
    """One output by name.

    Raises:
        UnexpectedAnswerError: the model server's answer has none of that name.
    """
    if name not in outputs:
        raise UnexpectedAnswerError(f"the model server's answer has no output {name!r}")
    return outputs[name]


def _own_batch(target: ModelVersion, images: Sequence[Pixels] | Pixels) -> Pixels:
    if target.manifest is None:
        raise SignatureNotFoundError(f"model {target.model} was made elsewhere and can only predict")
    return stack_padded(images)


def _call(target: ModelVersion, signature: str, inputs: Tensors) -> Call:
    return Call(model=target.model, version=target.version, signature=signature, inputs=inputs)


def _finite(outputs: Tensors, name: str, shape: Sequence[int | None]) -> npt.NDArray[Any]:
    """An output of finite numbers of this shape; None is any length."""
    values = output(outputs, name)
    fits = values.ndim == len(shape) and all(
        wanted in (None, found) for wanted, found in zip(shape, values.shape, strict=True)
    )
    if not fits:
        sizes = ", ".join("D" if size is None else str(size) for size in shape)
        raise UnexpectedAnswerError(
            f"the model server answered {name} of shape {list(values.shape)}, not [{sizes}]"
        )
    if not np.issubdtype(values.dtype, np.floating) or not np.isfinite(values).all():
        raise UnexpectedAnswerError(f"the model server answered {name} that are no finite numbers")
    return values
