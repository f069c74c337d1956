"""What may be asked of a model, and an answer as tensors.

| output | datatype, shape | |
|---|---|---|
| `probabilities` | FP32 [N, C] | calibrated, in the order of the labels |
| `label` | BYTES [N] | the best one, or `unknown` below the model's threshold |
| `probability` | FP32 [N] | of the best one |
| `embeddings` | FP32 [N, D] | of length 1; only where asked for |
| `heatmaps` | FP32 [N, H, W] | from 0 to 1, for the best label; only where asked for |
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from contract.model_facts import ModelFacts
from contract.prediction import PROBABILITY_DECIMALS, to_prediction
from contract.signatures import EMBEDDINGS, HEATMAPS, PROBABILITIES
from modelserver.predict import ModelVersion
from serving.errors import InvalidParameterError
from serving.oip.errors import TensorError
from serving.oip.image_input import BYTES, UINT8
from serving.oip.parameters import Parameters, boolean, integer

LABEL = "label"
PROBABILITY = "probability"
FP32 = "FP32"
# What costs no second look at the images.
BY_DEFAULT = (PROBABILITIES, LABEL, PROBABILITY)
EVERY = (*BY_DEFAULT, EMBEDDINGS, HEATMAPS)
_DATATYPES = {np.dtype(np.float32): FP32, np.dtype(np.uint8): UINT8, np.dtype(np.object_): BYTES}


@dataclass(frozen=True, kw_only=True)
class RequestedOutput:
    """One output that is asked for.

    Attributes:
        name: one of those above.
        classes: Triton's classification extension: that many best ones as text, instead of the numbers.
        binary: whether an HTTP answer has it as raw bytes; gRPC has them always.
    """

    name: str
    classes: int = 0
    binary: bool = False

    @classmethod
    def asked(cls, name: str, parameters: Parameters, *, binary: bool = False) -> RequestedOutput:
        """Check what is asked.

        Raises:
            TensorError: there is no such output.
            InvalidParameterError: classes of something else than `probabilities`, or a parameter's value.
        """
        if name not in EVERY:
            raise TensorError(f"no output {name[:64]!r}; there are {', '.join(EVERY)}")
        classes = integer(parameters, "classification") or 0
        if classes and name != PROBABILITIES:
            raise InvalidParameterError(f"parameter classification belongs to {PROBABILITIES}, not to {name}")
        return cls(name=name, classes=classes, binary=boolean(parameters, "binary_data", default=binary))


def outputs_by_default(*, binary: bool) -> tuple[RequestedOutput, ...]:
    """What a request gets that asks for no output in particular."""
    return tuple(RequestedOutput(name=name, binary=binary) for name in BY_DEFAULT)


def all_different(outputs: Sequence[RequestedOutput]) -> tuple[RequestedOutput, ...]:
    """The same outputs.

    Raises:
        TensorError: one is asked for twice.
    """
    if len({output.name for output in outputs}) != len(outputs):
        raise TensorError("an output is asked for twice")
    return tuple(outputs)


@dataclass(frozen=True, eq=False)
class Tensor:
    """A named array: float32, or objects that are bytes."""

    name: str
    array: npt.NDArray[Any]

    @property
    def datatype(self) -> str:
        """In the protocol's words."""
        return _DATATYPES[self.array.dtype]

    def raw(self) -> bytes:
        """The protocol's raw form: little-endian numbers, or each element after its length in 4 bytes."""
        if self.datatype == BYTES:
            return b"".join(len(element).to_bytes(4, "little") + element for element in self.array.flat)
        return self.array.astype(self.array.dtype.newbyteorder("<"), copy=False).tobytes()


@dataclass(frozen=True, kw_only=True, eq=False)
class Rows:
    """What was answered, for all images of a request.

    Attributes:
        target: the version that answered.
        probabilities: float32 [N, C], where anything of them was asked for.
        heatmaps: float32 [N, H, W], where asked for.
        embeddings: float32 [N, D], where asked for.
    """

    target: ModelVersion
    probabilities: npt.NDArray[np.float32] | None = None
    heatmaps: npt.NDArray[np.float32] | None = None
    embeddings: npt.NDArray[np.float32] | None = None

    def tensor(self, output: RequestedOutput) -> Tensor:
        """One output that was asked for."""
        arrays = {HEATMAPS: self.heatmaps, EMBEDDINGS: self.embeddings}
        array = arrays[output.name] if output.name in arrays else self._of_probabilities(output)
        assert array is not None  # noqa: S101 - what is asked for was computed
        return Tensor(output.name, array)

    def _of_probabilities(self, output: RequestedOutput) -> npt.NDArray[Any]:
        assert self.probabilities is not None  # noqa: S101 - as above
        facts = self.target.facts
        if output.classes:
            return _classes(self.probabilities, facts, output.classes)
        if output.name == PROBABILITIES:
            return self.probabilities
        said = [to_prediction(row, facts, top_k=1) for row in self.probabilities]
        if output.name == LABEL:
            return np.array([one.label.encode() for one in said], dtype=object)
        return np.array([one.probability for one in said], dtype=np.float32)


def _classes(probabilities: npt.NDArray[np.float32], facts: ModelFacts, count: int) -> npt.NDArray[Any]:
    """The best of each row, in `to_prediction`'s order, as Triton writes them: `probability:index:label`."""
    rounded = np.round(probabilities.astype(np.float64), PROBABILITY_DECIMALS)
    order = np.argsort(-rounded, axis=1, kind="stable")[:, :count]
    best = np.take_along_axis(rounded, order, axis=1)
    texts = [
        [f"{one:f}:{index}:{facts.labels[index]}".encode() for one, index in zip(*row, strict=True)]
        for row in zip(best.tolist(), order.tolist(), strict=True)
    ]
    return np.array(texts, dtype=object)
