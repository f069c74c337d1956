"""POST /predict and POST /models/{model}/predict."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from contract.errors import ImageError
from contract.prediction import Prediction
from serving.deadline import Deadline
from serving.gateway import Gateway, TheGateway
from serving.metrics import Stage
from serving.named_image import NamedImage
from serving.openapi import PREDICT_PROBLEMS, REQUEST_BODY
from serving.predictor import Answer, PredictRequest
from serving.problems import problem_response
from serving.receive import BodyLimits, receive_images
from serving.request_state import request_state
from serving.schemas import (
    CandidateSchema,
    FailedImage,
    ImageFault,
    PredictAnswer,
    PredictedImage,
)

router = APIRouter(tags=["predict"])

Version = Annotated[int | None, Query(ge=0, description="A concrete version; else the newest that passed.")]
TopK = Annotated[int, Query(ge=1, le=1000, description="Candidates for each image.")]


@router.post(
    "/predict",
    summary="Label images by the default model",
    response_model=PredictAnswer,
    responses=PREDICT_PROBLEMS,
    openapi_extra={"requestBody": REQUEST_BODY},
)
async def predict(
    request: Request, gateway: TheGateway, *, version: Version = None, top_k: TopK = 5
) -> Response:
    """Multipart `image` parts, a raw image, or JSON with base64."""
    return await _predict(request, gateway, gateway.settings.default, version=version, top_k=top_k)


@router.post(
    "/models/{model}/predict",
    summary="Label images by a named model",
    response_model=PredictAnswer,
    responses=PREDICT_PROBLEMS,
    openapi_extra={"requestBody": REQUEST_BODY},
)
async def predict_by_model(
    request: Request, gateway: TheGateway, model: str, *, version: Version = None, top_k: TopK = 5
) -> Response:
    """As /predict."""
    return await _predict(request, gateway, model, version=version, top_k=top_k)


async def _predict(
    request: Request, gateway: Gateway, model: str, *, version: int | None, top_k: int
) -> Response:
    gateway.predictor.watch(model)  # an unknown model is told before its body is read
    state = request_state(request.scope)
    state.model = model
    with gateway.metrics.stage(Stage.RECEIVE):
        images = await receive_images(request, BodyLimits.of(gateway.settings))
    asked = PredictRequest(
        model=model,
        images=[image.image_bytes for image in images],
        version=version,
        top_k=top_k,
        deadline=Deadline.after(gateway.settings.timeout_seconds),
    )
    answer = await gateway.predictor.predict(asked, on_resolved=state.resolved_to)
    with gateway.metrics.stage(Stage.RESPOND):
        return _respond(request, images, answer)


def _respond(request: Request, images: list[NamedImage], answer: Answer) -> Response:
    state = request_state(request.scope)
    items = [_item(image.name, outcome) for image, outcome in zip(images, answer.outcomes, strict=True)]
    failed = [item for item in items if isinstance(item, FailedImage)]
    if len(failed) == len(items):
        first = failed[0].error
        return problem_response(request, first.code, first.detail, errors=failed)
    body = PredictAnswer(
        model=answer.target.model,
        version=answer.target.version,
        request_id=state.request_id,
        predictions=items,
    )
    return Response(body.model_dump_json(), media_type="application/json")


def _item(name: str | None, outcome: Prediction | ImageError) -> PredictedImage | FailedImage:
    if isinstance(outcome, ImageError):
        return FailedImage(name=name, error=ImageFault(code=outcome.code, detail=str(outcome)))
    return PredictedImage(
        name=name,
        label=outcome.label,
        probability=outcome.probability,
        top=[CandidateSchema(label=c.label, probability=c.probability) for c in outcome.top],
    )
