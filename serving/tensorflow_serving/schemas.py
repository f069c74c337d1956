"""TensorFlow Serving's JSON, as the OpenAPI document shows it."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, WithJsonSchema

_VALUE = {
    "description": "An encoded image, or pixels [H, W, 3] from 0 to 255 of the model's size.",
    "anyOf": [
        {
            "type": "object",
            "required": ["b64"],
            "properties": {"b64": {"type": "string", "contentEncoding": "base64", "minLength": 1}},
            "additionalProperties": False,
        },
        {
            "type": "array",
            "items": {
                "type": "array",
                "items": {
                    "type": "array",
                    "items": {"type": "integer", "minimum": 0, "maximum": 255},
                    "minItems": 3,
                    "maxItems": 3,
                },
                "minItems": 1,
            },
            "minItems": 1,
        },
    ],
}
_CLASS = {"type": "integer", "minimum": 0}
_NAMED = {"type": "object", "required": ["images"], "properties": {"images": _VALUE, "class_index": _CLASS}}
_LISTS = {
    "type": "object",
    "required": ["images"],
    "properties": {
        "images": {"type": "array", "items": _VALUE, "minItems": 1},
        "class_index": {"type": "array", "items": _CLASS, "minItems": 1},
    },
}
_NULL: dict[str, Any] = {"type": "null"}
_INSTANCES = {"anyOf": [{"type": "array", "items": {"anyOf": [_VALUE, _NAMED]}, "minItems": 1}, _NULL]}
_INPUTS = {"anyOf": [{"type": "array", "items": _VALUE, "minItems": 1}, _LISTS, _NULL]}
_BY_ROW: dict[str, Any] = {
    "required": ["instances"],
    "properties": {"instances": {"type": "array"}, "inputs": _NULL},
}
_BY_COLUMN: dict[str, Any] = {
    "required": ["inputs"],
    "properties": {"inputs": {"type": ["array", "object"]}, "instances": _NULL},
}


class RestPredictBody(BaseModel):
    """A request: `instances`, one item an image, or `inputs`, one list an input. Parsed by hand.

    What is null counts as left out, as in TensorFlow Serving.
    """

    model_config = ConfigDict(json_schema_extra={"oneOf": [_BY_ROW, _BY_COLUMN]})

    signature_name: Literal["", "serving_default", "explain", "embed"] | None = "serving_default"
    instances: Annotated[list[Any] | None, WithJsonSchema(_INSTANCES)] = None
    inputs: Annotated[list[Any] | dict[str, Any] | None, WithJsonSchema(_INPUTS)] = None


class RestPredictAnswer(BaseModel):
    """`predictions` for `instances`, `outputs` for `inputs`; a single output stands without its name."""

    predictions: list[Any] | None = None
    outputs: list[Any] | dict[str, Any] | None = None


class RestError(BaseModel):
    """Any error."""

    error: str


class Status(BaseModel):
    """Why a version is in its state."""

    error_code: str
    error_message: str


class VersionStatus(BaseModel):
    """A version; an int64 is a string in this API."""

    version: str
    state: str
    status: Status


class ModelStatus(BaseModel):
    """Versions of a model, newest first."""

    model_version_status: list[VersionStatus]


class Dimension(BaseModel):
    """-1 is any size."""

    size: str
    name: str = ""


class TensorShape(BaseModel):
    """Of a tensor."""

    dim: list[Dimension]
    unknown_rank: bool = False


class TensorInfo(BaseModel):
    """An input or output; the graph's own name of it is not known here."""

    dtype: str
    tensor_shape: TensorShape
    name: str = ""


class SignatureDef(BaseModel):
    """A signature."""

    inputs: dict[str, TensorInfo]
    outputs: dict[str, TensorInfo]
    method_name: str = "tensorflow/serving/predict"


class SignatureDefs(BaseModel):
    """By name, and once more in an object of the same name, as TensorFlow Serving has it."""

    signature_def: dict[str, SignatureDef]


class Metadata(BaseModel):
    """All that is told of a version."""

    signature_def: SignatureDefs


class ModelSpec(BaseModel):
    """Which version."""

    name: str
    signature_name: str = ""
    version: str


class RestModelMetadata(BaseModel):
    """A version and its signatures."""

    model_spec: ModelSpec
    metadata: Metadata
