"""A predict request of TensorFlow Serving's REST API to images and what is asked of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from contract import signatures
from contract.image import Pixels
from contract.model_facts import ModelFacts
from modelserver.errors import SignatureNotFoundError
from serving.bodies.json_body import from_base64
from serving.bodies.named_image import too_many_images
from serving.errors import InvalidParameterError, MalformedBodyError
from serving.tensorflow_serving.document import read_document

_INPUTS: Mapping[str, tuple[str, ...]] = {
    signatures.SERVING_DEFAULT: (signatures.IMAGES,),
    signatures.EXPLAIN: (signatures.CLASS_INDEX, signatures.IMAGES),
    signatures.EMBED: (signatures.IMAGES,),
}
_B64 = "b64"
_MAX_VALUE = 255
# Brackets and commas around one image with all its members.
_STRUCTURE_AN_IMAGE = 32


@dataclass(frozen=True, kw_only=True)
class RestRequest:
    """What a client asks.

    Attributes:
        signature: one of those that take images.
        by_row: whether the answer is `predictions`, a row an image, or `outputs`, a list an output.
        images: at least one, each encoded or uint8 [H, W, 3] of the model's size.
        labels: the class to explain of each image; empty for the other signatures.
    """

    signature: str
    by_row: bool
    images: Sequence[bytes | Pixels] = field(repr=False)
    labels: Sequence[str] = ()


def read_request(body: bytes, facts: ModelFacts, *, max_images: int) -> RestRequest:
    """Parse and check a body; not on the event loop.

    Raises:
        MalformedBodyError: not JSON of that form.
        BodyTooLargeError: more images or numbers than allowed.
        InvalidParameterError: pixels or a class that the model does not have.
        SignatureNotFoundError: no such signature takes images.
    """
    height, width, channels = facts.image.shape
    document = read_document(
        body,
        max_values=max_images * height * width * channels,
        max_structure=_STRUCTURE_AN_IMAGE * max_images,
    )
    if not isinstance(document, dict):
        raise MalformedBodyError("the body is not a JSON object")
    signature = _signature(document)
    by_row, columns = _columns(document, _INPUTS[signature])
    images = _images(columns[signatures.IMAGES], facts, max_images=max_images)
    if signature != signatures.EXPLAIN:
        return RestRequest(signature=signature, by_row=by_row, images=images)
    labels = _labels(columns[signatures.CLASS_INDEX], facts, count=len(images))
    return RestRequest(signature=signature, by_row=by_row, images=images, labels=labels)


def _signature(document: dict[str, Any]) -> str:
    """The one asked for; null and an empty name ask for the default, as in TensorFlow Serving."""
    name = document.get("signature_name")
    if not isinstance(name, str | None):  # before anything else: an array has no truth value
        raise MalformedBodyError("signature_name is not a string")
    name = name or signatures.SERVING_DEFAULT
    if name not in _INPUTS:
        raise SignatureNotFoundError(f"there is no signature {name[:100]!r}")
    return name


def _columns(document: dict[str, Any], names: Sequence[str]) -> tuple[bool, Mapping[str, Any]]:
    """Whether the request is by row, and a list of values for each input."""
    given = [key for key in ("instances", "inputs") if document.get(key) is not None]
    if len(given) != 1:
        raise MalformedBodyError("the body has not exactly one of `instances` and `inputs`")
    value = document[given[0]]
    if given == ["instances"]:
        return True, _of_rows(value, names)
    if isinstance(value, dict) and _B64 not in value:
        _require_inputs(value, names, where="inputs")
        return False, value
    return False, _only_input(value, names, where="inputs")


def _of_rows(rows: Any, names: Sequence[str]) -> Mapping[str, Any]:
    if isinstance(rows, list) and rows and all(isinstance(row, dict) and _B64 not in row for row in rows):
        for index, row in enumerate(rows):
            _require_inputs(row, names, where=f"instances[{index}]")
        return {name: [row[name] for row in rows] for name in names}
    return _only_input(rows, names, where="instances")


def _require_inputs(value: dict[str, Any], names: Sequence[str], *, where: str) -> None:
    if value.keys() != set(names):
        raise MalformedBodyError(f"{where} has not exactly the inputs {', '.join(names)}")


def _only_input(value: Any, names: Sequence[str], *, where: str) -> Mapping[str, Any]:
    if len(names) > 1:
        raise MalformedBodyError(f"{where}: the signature takes the inputs {', '.join(names)}, by name")
    return {names[0]: value}


def _images(column: Any, facts: ModelFacts, *, max_images: int) -> list[bytes | Pixels]:
    if not isinstance(column, list | np.ndarray):
        raise MalformedBodyError("images is not a list")
    if len(column) == 0:
        raise MalformedBodyError("there is no image")
    if len(column) > max_images:
        raise too_many_images(max_images)
    return [_image(value, facts, index=index) for index, value in enumerate(column)]


def _image(value: Any, facts: ModelFacts, *, index: int) -> bytes | Pixels:
    if isinstance(value, np.ndarray):
        return _pixels(value, facts, index=index)
    if isinstance(value, dict) and value.keys() == {_B64} and isinstance(value[_B64], str):
        return from_base64(value[_B64], where=f"b64 of image {index}")
    raise MalformedBodyError(
        f'image {index} is neither {{"b64": "…"}} nor a list of whole numbers from 0 to {_MAX_VALUE}'
    )


def _pixels(value: Any, facts: ModelFacts, *, index: int) -> Pixels:
    if value.shape != facts.image.shape:
        raise InvalidParameterError(
            f"image {index} has the shape {list(value.shape)}, not {list(facts.image.shape)}"
        )
    if value.max() > _MAX_VALUE:
        raise InvalidParameterError(f"image {index} holds a number above {_MAX_VALUE}")
    pixels: Pixels = value.astype(np.uint8)
    return pixels


def _labels(column: Any, facts: ModelFacts, *, count: int) -> list[str]:
    if not isinstance(column, list | np.ndarray) or len(column) != count:
        raise MalformedBodyError("class_index is not a list of one class for each image")
    return [_label(value, facts, index=index) for index, value in enumerate(column)]


def _label(value: Any, facts: ModelFacts, *, index: int) -> str:
    if isinstance(value, float) and value.is_integer():  # which neither NaN nor infinity is
        value = int(value)
    whole = isinstance(value, int | np.integer) and not isinstance(value, bool)
    if not whole or not 0 <= value < len(facts.labels):
        raise InvalidParameterError(
            f"class_index {index} is not a whole number from 0 to {len(facts.labels) - 1}"
        )
    return facts.labels[int(value)]
