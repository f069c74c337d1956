"""TensorFlow Serving's REST API: /v1/models/…, status, metadata and :predict.

Errors are `{"error": "…"}` with TensorFlow Serving's statuses. `labels` are aliases of models.toml, else
labels of the model server's own. Query parameters are passed over, as there.
"""

from __future__ import annotations

from dataclasses import dataclass
from http import HTTPStatus
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Header, HTTPException, Path, Request, Response

from modelserver.errors import ModelServerAwayError, SignatureNotFoundError, VersionNotFoundError
from serving.asking import NO_CHOICE, ImagesRequest, VersionChoice
from serving.bodies.receive import receive_body
from serving.gateway import Gateway, TheGateway
from serving.http.on_the_loop import on_the_loop
from serving.http.while_connected import while_connected
from serving.load.deadline import Deadline
from serving.request_state import request_state
from serving.routes.image_request import ROUTING_KEY_HEADER, TIMEOUT_HEADER, admitted
from serving.telemetry.metrics import Stage
from serving.tensorflow_serving.answer import write_answer
from serving.tensorflow_serving.metadata import model_metadata, model_status
from serving.tensorflow_serving.predict import outputs_of
from serving.tensorflow_serving.request import read_request
from serving.tensorflow_serving.schemas import ModelStatus, RestError, RestModelMetadata, RestPredictAnswer

_VERBS = (":predict", ":classify", ":regress")


async def _refuse_get_of_verbs(request: Request) -> None:
    """Model names hold no colon: what ends like this is another route's path, which takes POST."""
    if request.method == "GET" and request.url.path.endswith(_VERBS):
        raise HTTPException(HTTPStatus.METHOD_NOT_ALLOWED, headers={"Allow": "POST"})


# Those that end with a verb come first: the others' paths would take them for names.
router = APIRouter(
    prefix="/v1/models", tags=["TensorFlow Serving"], dependencies=[Depends(_refuse_get_of_verbs)]
)

_Responses = dict[int | str, dict[str, Any]]
_MAX_INT64 = 2**63 - 1
_VERSION, _LABEL = "/versions/{version}", "/labels/{label}"


@dataclass(frozen=True, kw_only=True)
class _PredictHeaders:
    timeout_seconds: Annotated[
        float | None, Header(alias=TIMEOUT_HEADER, gt=0, examples=[5], description="As for /predict.")
    ] = None
    routing_key: Annotated[
        str, Header(alias=ROUTING_KEY_HEADER, max_length=256, description="As for /predict.")
    ] = ""


_Headers = Annotated[_PredictHeaders, Depends(on_the_loop(_PredictHeaders))]
_Version = Annotated[int, Path(ge=0, le=_MAX_INT64)]


def _errors(*statuses: int) -> _Responses:
    return {status: {"model": RestError, "description": "One line."} for status in statuses}


_ASKED = _errors(400, 404, 502, 503, 504)
_PREDICT: dict[str, Any] = {
    "response_model": RestPredictAnswer,
    "responses": _errors(400, 404, 413, 502, 503, 504),
    "openapi_extra": {
        "requestBody": {
            "required": True,
            "content": {
                "application/json": {"schema": {"$ref": "#/components/schemas/RestPredictBody"}},
            },
        }
    },
}


@router.post("/{model}:predict", summary="Outputs of a signature", **_PREDICT)
async def predict(request: Request, gateway: TheGateway, model: str, headers: _Headers) -> Response:
    """Row and column form; encoded images as b64, or pixels."""
    return await _predict(request, gateway, model, NO_CHOICE, headers)


@router.post("/{model}" + _VERSION + ":predict", summary="The same of a version", **_PREDICT)
async def predict_by_version(
    request: Request, gateway: TheGateway, model: str, version: _Version, headers: _Headers
) -> Response:
    """As without a version."""
    return await _predict(request, gateway, model, VersionChoice(version=version), headers)


@router.post("/{model}" + _LABEL + ":predict", summary="The same of a labelled version", **_PREDICT)
async def predict_by_label(
    request: Request, gateway: TheGateway, model: str, label: str, headers: _Headers
) -> Response:
    """As without a label."""
    return await _predict(request, gateway, model, VersionChoice(label=label), headers)


@router.post("/{model}:classify", include_in_schema=False)
@router.post("/{model}:regress", include_in_schema=False)
@router.post("/{model}" + _VERSION + ":classify", include_in_schema=False)
@router.post("/{model}" + _VERSION + ":regress", include_in_schema=False)
@router.post("/{model}" + _LABEL + ":classify", include_in_schema=False)
@router.post("/{model}" + _LABEL + ":regress", include_in_schema=False)
async def other(request: Request, gateway: TheGateway, model: str) -> Response:
    """These take tf.Example, which no signature here does."""
    _require(request, gateway, model)
    raise SignatureNotFoundError("no signature takes examples; ask :predict")


@router.get("/{model}", summary="States of a model's versions", responses=_errors(404, 503))
async def status(request: Request, gateway: TheGateway, model: str) -> ModelStatus:
    """All versions."""
    return _status(request, gateway, model, version=None)


@router.get("/{model}" + _VERSION, summary="State of a version", responses=_errors(400, 404, 503))
async def status_of_version(
    request: Request, gateway: TheGateway, model: str, version: _Version
) -> ModelStatus:
    """One version."""
    return _status(request, gateway, model, version=version)


@router.get("/{model}" + _LABEL, summary="State of a labelled version", responses=_ASKED)
async def status_of_label(request: Request, gateway: TheGateway, model: str, label: str) -> ModelStatus:
    """The version that the label stands for."""
    _require(request, gateway, model)
    version = gateway.versions.routing.entry(model).aliases.get(label)
    if version is None:
        deadline = Deadline.after(gateway.settings.timeout_seconds)
        served = await gateway.versions.resolve(model, VersionChoice(label=label), deadline=deadline)
        version = served.target.version
    return _status(request, gateway, model, version=version)


@router.get("/{model}/metadata", summary="A model's signatures", responses=_ASKED)
async def metadata(request: Request, gateway: TheGateway, model: str) -> RestModelMetadata:
    """Of the version that answers where none is asked for."""
    return await _metadata(request, gateway, model, NO_CHOICE)


@router.get("/{model}" + _VERSION + "/metadata", summary="A version's signatures", responses=_ASKED)
async def metadata_of_version(
    request: Request, gateway: TheGateway, model: str, version: _Version
) -> RestModelMetadata:
    """Of a version."""
    return await _metadata(request, gateway, model, VersionChoice(version=version))


@router.get("/{model}" + _LABEL + "/metadata", summary="A labelled version's signatures", responses=_ASKED)
async def metadata_of_label(
    request: Request, gateway: TheGateway, model: str, label: str
) -> RestModelMetadata:
    """Of the version that the label stands for."""
    return await _metadata(request, gateway, model, VersionChoice(label=label))


def _require(request: Request, gateway: Gateway, model: str, choice: VersionChoice = NO_CHOICE) -> None:
    """The model is there, and the caller may use it."""
    gateway.asks_of(request_state(request.scope), model, choice)


def _status(request: Request, gateway: Gateway, model: str, *, version: int | None) -> ModelStatus:
    _require(request, gateway, model, VersionChoice(version=version))
    views = gateway.versions.views(model)
    if not views:
        raise ModelServerAwayError(f"model {model}: {gateway.versions.not_ready_because(model)}")
    if version is not None:
        views = [view for view in views if view.version == version]
        if not views:
            raise VersionNotFoundError(f"model {model} has no version {version}")
    return model_status(views)


async def _metadata(
    request: Request, gateway: Gateway, model: str, choice: VersionChoice
) -> RestModelMetadata:
    _require(request, gateway, model, choice)
    deadline = Deadline.after(gateway.settings.timeout_seconds)
    served = await gateway.versions.resolve(model, choice, deadline=deadline)
    request_state(request.scope).resolved_to(served.target)
    return model_metadata(served.target)


async def _predict(
    request: Request, gateway: Gateway, model: str, choice: VersionChoice, headers: _PredictHeaders
) -> Response:
    state = request_state(request.scope)
    predictor, codecs = gateway.predictor, gateway.codecs
    with admitted(request, gateway, model, choice=choice, headers=headers) as place:
        with gateway.metrics.stage(Stage.RECEIVE):
            body = await receive_body(request, place.limits, hold=place.held.hold)
        deadline = place.own_deadline or Deadline.after(gateway.settings.timeout_seconds)
        async with while_connected(request):
            # Looked up twice: the same key gives the same share of a canary both times.
            served = await predictor.versions.resolve(
                model, choice, deadline=deadline, sticky_key=place.sticky_key
            )
            state.resolved_to(served.target)
            facts, most = served.target.facts, place.limits.max_images
            asked = await codecs.run(read_request, body, facts, max_images=most, deadline=deadline)
            del body  # as large as all images together, and no longer needed
            images = ImagesRequest(
                model=model,
                images=asked.images,
                deadline=deadline,
                choice=choice,
                sticky_key=place.sticky_key,
                caller=state.caller.digest,
            )
            outputs = await outputs_of(predictor, asked, images, on_resolved=state.resolved_to)
            with gateway.metrics.stage(Stage.RESPOND):
                answer = await codecs.run(write_answer, outputs, by_row=asked.by_row, deadline=deadline)
    return Response(answer, media_type="application/json")
