"""An answer as HTTP carries it: JSON, and after it the outputs that were asked for as bytes."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from pydantic_core import to_json

from serving.oip.errors import TensorError
from serving.oip.image_input import BYTES, MAX_LISTED_VALUES
from serving.oip.infer import InferAnswer, InferRequest
from serving.oip.outputs import Tensor


@dataclass(frozen=True, kw_only=True)
class AnswerBody:
    """A body, and how many of its bytes are JSON: None for all."""

    content: bytes = field(repr=False)
    json_bytes: int | None


def write_answer(answer: InferAnswer, request: InferRequest) -> AnswerBody:
    """Write a body. Takes a while for a large one: not on the event loop.

    Raises:
        TensorError: an output that is too large to be listed in JSON.
    """
    outputs: list[dict[str, Any]] = []
    raw: list[bytes] = []
    for tensor, asked in zip(answer.outputs, request.outputs, strict=True):
        output: dict[str, Any] = {
            "name": tensor.name,
            "datatype": tensor.datatype,
            "shape": tensor.array.shape,
        }
        if asked.binary:
            raw.append(tensor.raw())
            output["parameters"] = {"binary_data_size": len(raw[-1])}
        else:
            output["data"] = _listed(tensor)
        outputs.append(output)
    head = to_json(
        {"model_name": answer.model, "model_version": str(answer.version)}
        | ({"id": answer.id} if answer.id else {})
        | {"outputs": outputs}
    )
    return AnswerBody(content=b"".join([head, *raw]), json_bytes=len(head) if raw else None)


def _listed(tensor: Tensor) -> list[Any]:
    if tensor.array.size > MAX_LISTED_VALUES:
        raise TensorError(f"output {tensor.name} has {tensor.array.size} values; ask for it as binary_data")
    flat = tensor.array.ravel().tolist()
    return [element.decode() for element in flat] if tensor.datatype == BYTES else flat
