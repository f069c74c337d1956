"""The Open Inference Protocol v2 over HTTP, as KServe and Triton speak it, under /v2.

Errors are `{"error": "…"}` with the statuses that the native API has. The protocol has no error of a single
image: one that is refused fails the whole request, and the text names its index. A version in a path is a
number or an alias of models.toml.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from fastapi import APIRouter, Request, Response

from serving.bodies.receive import BodyLimits, receive_body
from serving.gateway import Gateway, TheGateway
from serving.load.deadline import Deadline
from serving.oip import metadata
from serving.oip.infer import version_choice
from serving.oip.json_request import HEADER, read_index_request
from serving.oip.schemas import (
    IndexEntry,
    InferAnswerBody,
    Live,
    ModelConfig,
    ModelMetadata,
    OipError,
    Ready,
    ServerMetadata,
)
from serving.request_state import request_state
from serving.routes.oip_infer import InferHeaders, answered

router = APIRouter(prefix="/v2", tags=["Open Inference Protocol v2"])

_Responses = dict[int | str, dict[str, Any]]


def _errors(*statuses: int) -> _Responses:
    return {status: {"model": OipError, "description": "One line."} for status in statuses}


_MODEL_ERRORS = _errors(404, 422, 502, 503, 504)
_INFER_RESPONSES: _Responses = {
    200: {
        "description": f"JSON, or {HEADER} bytes of it and then the outputs asked for as `binary_data`.",
        "content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}},
    },
    **_errors(400, 404, 413, 415, 422, 502, 503, 504),
}
_NOT_READY: _Responses = {503: {"model": Ready, "description": "Not yet, or not now."}}
_INFER_BODY = {
    "requestBody": {
        "required": True,
        "content": {
            "application/json": {"schema": {"$ref": "#/components/schemas/InferBody"}},
            "application/octet-stream": {
                "schema": {
                    "type": "string",
                    "format": "binary",
                    "description": f"JSON of {HEADER} bytes, then the bytes of each input that has "
                    "`binary_data_size`.",
                }
            },
        },
    }
}

_INDEX_BODY = {
    "requestBody": {
        "content": {"application/json": {"schema": {"$ref": "#/components/schemas/IndexRequest"}}}
    }
}
_NOT_LIVE: dict[int | str, dict[str, Any]] = {503: {"model": Live, "description": "A part of it has ended."}}
_MAX_INDEX_BODY_BYTES = 4096


@router.get("", summary="The server's name and extensions")
async def server_metadata() -> ServerMetadata:
    """What answers here."""
    return metadata.server_metadata()


@router.get("/health/live", summary="Is the process alive?", responses=_NOT_LIVE)
async def live(gateway: TheGateway, response: Response) -> Live:
    """As /livez."""
    if gateway.broken:
        response.status_code = 503
    return Live(live=not gateway.broken)


@router.get("/health/ready", summary="Can it answer?", responses=_NOT_READY, response_model_exclude_none=True)
async def ready(gateway: TheGateway, response: Response) -> Ready:
    """As /readyz."""
    return _ready(gateway.not_ready_because(), response, name=None)


@router.get("/models/{model}", summary="A model's inputs and outputs", responses=_MODEL_ERRORS)
async def model_metadata(request: Request, gateway: TheGateway, model: str) -> ModelMetadata:
    """Of the version that answers where none is asked for."""
    return await _model_metadata(request, gateway, model, "")


@router.get(
    "/models/{model}/versions/{version}", summary="A version's inputs and outputs", responses=_MODEL_ERRORS
)
async def version_metadata(request: Request, gateway: TheGateway, model: str, version: str) -> ModelMetadata:
    """Of a version by number or alias."""
    return await _model_metadata(request, gateway, model, version)


@router.get("/models/{model}/ready", summary="Can a model answer?", responses=_errors(404, 422) | _NOT_READY)
async def model_ready(request: Request, gateway: TheGateway, model: str, response: Response) -> Ready:
    """Whether a version that passed its self-test is there."""
    return _model_ready(request, gateway, model, "", response)


@router.get(
    "/models/{model}/versions/{version}/ready",
    summary="Can a version answer?",
    responses=_errors(404, 422) | _NOT_READY,
)
async def version_ready(
    request: Request, gateway: TheGateway, model: str, version: str, response: Response
) -> Ready:
    """Of a version by number or alias."""
    return _model_ready(request, gateway, model, version, response)


@router.get("/models/{model}/config", summary="In Triton's form", responses=_MODEL_ERRORS)
async def model_config(request: Request, gateway: TheGateway, model: str) -> ModelConfig:
    """The part of Triton's model configuration that a client may need."""
    return await _model_config(request, gateway, model, "")


@router.get("/models/{model}/versions/{version}/config", summary="In Triton's form", responses=_MODEL_ERRORS)
async def version_config(request: Request, gateway: TheGateway, model: str, version: str) -> ModelConfig:
    """Of a version by number or alias."""
    return await _model_config(request, gateway, model, version)


@router.post(
    "/models/{model}/infer",
    summary="Tensors in, tensors out",
    response_model=InferAnswerBody,
    response_model_exclude_none=True,
    responses=_INFER_RESPONSES,
    openapi_extra=_INFER_BODY,
)
async def infer(request: Request, gateway: TheGateway, model: str, headers: InferHeaders) -> Response:
    """`image`: encoded, as BYTES [N] or [N, 1]; or `images`: pixels, as UINT8 [N, H, W, 3]."""
    return await answered(request, gateway, model, "", headers)


@router.post(
    "/models/{model}/versions/{version}/infer",
    summary="Tensors in, tensors out",
    response_model=InferAnswerBody,
    response_model_exclude_none=True,
    responses=_INFER_RESPONSES,
    openapi_extra=_INFER_BODY,
)
async def version_infer(
    request: Request, gateway: TheGateway, model: str, version: str, headers: InferHeaders
) -> Response:
    """By a version by number or alias."""
    return await answered(request, gateway, model, version, headers)


@router.post(
    "/repository/index",
    summary="All models and their versions",
    responses=_errors(400, 413, 504),
    openapi_extra=_INDEX_BODY,
)
async def repository_index(request: Request, gateway: TheGateway) -> list[IndexEntry]:
    """Also those that cannot answer, with the reason."""
    limits = replace(BodyLimits.of(gateway.settings), max_body_bytes=_MAX_INDEX_BODY_BYTES)
    asked = read_index_request(await receive_body(request, limits))
    models = filter(request_state(request.scope).caller.may_use, gateway.versions.routing.models)
    return metadata.repository_index(gateway.versions, models, ready_only=asked.ready)


@router.post("/repository/models/{model}/load", include_in_schema=False)
async def load(model: str) -> None:  # noqa: ARG001 - part of the path
    """What is served stands in models.toml."""
    raise metadata.not_loaded_by_clients()


@router.post("/repository/models/{model}/unload", include_in_schema=False)
async def unload(model: str) -> None:  # noqa: ARG001 - part of the path
    """What is served stands in models.toml."""
    raise metadata.not_loaded_by_clients()


async def _model_metadata(request: Request, gateway: Gateway, model: str, version: str) -> ModelMetadata:
    choice = version_choice(version)
    gateway.asks_of(request_state(request.scope), model, choice)
    return await metadata.model_metadata(gateway.versions, model, choice, deadline=_soon(gateway))


async def _model_config(request: Request, gateway: Gateway, model: str, version: str) -> ModelConfig:
    choice = version_choice(version)
    gateway.asks_of(request_state(request.scope), model, choice)
    return await metadata.model_config(
        gateway.versions,
        model,
        choice,
        deadline=_soon(gateway),
        max_images=gateway.settings.max_images_per_request,
    )


def _model_ready(request: Request, gateway: Gateway, model: str, version: str, response: Response) -> Ready:
    choice = version_choice(version)
    gateway.asks_of(request_state(request.scope), model, choice)
    why = metadata.why_not_ready(gateway.versions, model, choice)
    return _ready(why, response, name=model)


def _ready(why: str | None, response: Response, *, name: str | None) -> Ready:
    if why is not None:
        response.status_code = 503
    return Ready(name=name, ready=why is None)


def _soon(gateway: Gateway) -> Deadline:
    return Deadline.after(gateway.settings.timeout_seconds)
