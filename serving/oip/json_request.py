"""A request as HTTP carries it: JSON, and after it the bytes of binary tensors in their order."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from serving.bodies.json_body import from_base64
from serving.errors import BodyTooLargeError, MalformedBodyError
from serving.oip.errors import TensorError
from serving.oip.image_input import MAX_LISTED_VALUES, ImageInput, Images
from serving.oip.infer import InferRequest
from serving.oip.outputs import RequestedOutput, all_different, outputs_by_default
from serving.oip.parameters import boolean, integer, timeout_seconds
from serving.oip.schemas import IndexRequest, InferBody, InputTensor

HEADER = "Inference-Header-Content-Length"

_Form = TypeVar("_Form", bound=BaseModel)


def read_request(body: bytes, *, json_bytes: str | None, max_images: int) -> InferRequest:
    """Read a body. Takes a while for a large one: not on the event loop.

    Args:
        body: all of it.
        json_bytes: the header that says how many of it are JSON; None for all.
        max_images: in one request.

    Raises:
        BodyTooLargeError: more images than that, or more JSON values than may be.
        InvalidParameterError: of a parameter that is known here, a value that it cannot have.
        MalformedBodyError: not JSON of that form.
        TensorError: inputs or outputs that no model has, or that do not hold what they say.
    """
    document, rest = _split(body, json_bytes)
    parsed = _parse(document)
    binary = boolean(parsed.parameters, "binary_data_output", default=False)
    asked = [RequestedOutput.asked(one.name, one.parameters, binary=binary) for one in parsed.outputs]
    return InferRequest(
        id=parsed.id,
        images=_images(parsed.inputs, rest, max_images=max_images),
        outputs=all_different(asked) or outputs_by_default(binary=binary),
        timeout_seconds=timeout_seconds(parsed.parameters),
    )


def read_index_request(body: bytes) -> IndexRequest:
    """Read what a client wants to have listed; an empty body wants everything.

    Raises:
        MalformedBodyError: not JSON of that form.
    """
    return _read(IndexRequest, body) if body else IndexRequest()


def _split(body: bytes, json_bytes: str | None) -> tuple[bytes, bytes]:
    if json_bytes is None:
        return body, b""
    # Digits alone, and no more of them than a size has: int() takes other alphabets, and takes its time.
    if not (json_bytes.isascii() and json_bytes.isdecimal() and len(json_bytes) <= len(str(len(body)))):
        raise MalformedBodyError(f"{HEADER} is not a number of bytes within the body")
    length = int(json_bytes)
    if not 0 < length <= len(body):
        raise MalformedBodyError(f"{HEADER} is not a number of bytes within the body")
    return body[:length], body[length:]


def _parse(document: bytes) -> InferBody:
    # Before it is parsed: a megabyte of `1,1,1,…` becomes many of objects.
    if sum(map(document.count, (b",", b"[", b"{"))) > MAX_LISTED_VALUES:
        raise BodyTooLargeError(
            f"the JSON holds more than {MAX_LISTED_VALUES} values; send pixels as binary tensor data"
        )
    return _read(InferBody, document)


def _read(form: type[_Form], document: bytes) -> _Form:
    try:
        return form.model_validate_json(document)
    except ValidationError as exc:
        first = exc.errors(include_input=False, include_url=False)[0]
        where = ".".join(map(str, first["loc"])) or "the body"
        raise MalformedBodyError(f"JSON: {where[:64]}: {first['msg']}") from exc


def _images(inputs: list[InputTensor], rest: bytes, *, max_images: int) -> Images:
    tensor, *others = inputs
    if others:
        raise TensorError("a request has one input: `image` or `images`")
    declared = ImageInput.declared(tensor.name, tensor.datatype, tensor.shape, max_images=max_images)
    size = integer(tensor.parameters, "binary_data_size")
    if (size is None) == (tensor.data is None):
        raise TensorError(f"input {tensor.name} has either `data` or the parameter `binary_data_size`")
    if (size or 0) != len(rest):
        raise TensorError(f"{len(rest)} bytes follow the JSON, binary_data_size says {size or 0}")
    if tensor.data is None:
        return declared.from_raw(rest)
    values = _flat(tensor.data, depth=len(tensor.shape))
    if declared.is_pixels:
        return declared.from_values(values)
    return declared.from_files([_file(index, value) for index, value in enumerate(values)])


def _flat(values: list[Any], *, depth: int) -> Iterator[Any]:
    """The values of lists nested at most as deep as the shape is long."""
    for value in values:
        if not isinstance(value, list):
            yield value
        elif depth > 1:
            yield from _flat(value, depth=depth - 1)
        else:
            raise TensorError("data is nested deeper than its shape")


def _file(index: int, value: object) -> bytes:
    if not isinstance(value, str):
        raise TensorError("encoded images in JSON are base64 strings; as bytes they follow the JSON")
    return from_base64(value, where=f"inputs.0.data.{index}")
