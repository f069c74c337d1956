"""The protocol's JSON, as pydantic checks it and the OpenAPI document shows it."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, FailFast, Field

_MAX_RANK = 8

Parameters = dict[str, Any]


class _Strict(BaseModel):
    model_config = ConfigDict(strict=True)


class InputTensor(_Strict):
    """One input: `image`, encoded, or `images`, pixels."""

    name: str
    datatype: str
    # The first fault is enough: one a value would take more memory than the body.
    shape: Annotated[list[int], FailFast()] = Field(max_length=_MAX_RANK)
    parameters: Parameters = Field(
        default_factory=dict, description="`binary_data_size`: its bytes follow the JSON, that many."
    )
    data: list[Any] | None = Field(
        default=None, description="Row-major, flat or nested; encoded images as base64."
    )


class OutputRequest(_Strict):
    """One output that is asked for."""

    name: str
    parameters: Parameters = Field(
        default_factory=dict,
        description="`binary_data`: as raw bytes; `classification`: that many best labels as text.",
    )


class InferBody(_Strict):
    """A request."""

    id: str = ""
    inputs: Annotated[list[InputTensor], FailFast()] = Field(min_length=1)
    outputs: Annotated[list[OutputRequest], FailFast()] = []
    parameters: Parameters = Field(
        default_factory=dict, description="`timeout` in microseconds; `binary_data_output`."
    )


class OutputTensor(BaseModel):
    """One output: its `data`, or as `parameters` the `binary_data_size` of what follows the JSON."""

    name: str
    datatype: str
    shape: list[int]
    parameters: dict[str, int] | None = None
    data: list[Any] | None = None


class InferAnswerBody(BaseModel):
    """An answer."""

    model_name: str
    model_version: str
    id: str | None = None
    outputs: list[OutputTensor]


class TensorMetadata(BaseModel):
    """What a model takes or gives; -1 is any size."""

    name: str
    datatype: str
    shape: list[int]


class ModelMetadata(BaseModel):
    """What can be asked of a model; of the two inputs a request has one."""

    name: str
    versions: list[str]
    platform: str
    inputs: list[TensorMetadata]
    outputs: list[TensorMetadata]


class ServerMetadata(BaseModel):
    """What answers, and which extensions of the protocol it knows."""

    name: str
    version: str
    extensions: list[str]


class ConfigTensor(BaseModel):
    """As Triton's model configuration has it: `dims` without the batch."""

    name: str
    data_type: str
    dims: list[int]


class ModelConfig(BaseModel):
    """The part of Triton's model configuration that a client may need."""

    name: str
    platform: str
    max_batch_size: int
    input: list[ConfigTensor]
    output: list[ConfigTensor]


class IndexRequest(_Strict):
    """Which models to list."""

    ready: bool = False


class IndexEntry(BaseModel):
    """One version of one model."""

    name: str
    version: str
    state: str = Field(description="READY or UNAVAILABLE.")
    reason: str


class Live(BaseModel):
    """Whether the gateway runs."""

    live: bool


class Ready(BaseModel):
    """Whether an answer can be had."""

    name: str | None = None
    ready: bool


class OipError(BaseModel):
    """Every error, in one line."""

    error: str
