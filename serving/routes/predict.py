"""POST /predict and POST /models/{model}/predict."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from contract.prediction import Prediction, to_prediction
from serving.asking import Answer, Probabilities
from serving.bodies.named_image import NamedImage, NamedUrl
from serving.gateway import Gateway, TheGateway
from serving.http.openapi import PREDICT_PROBLEMS, REQUEST_BODY
from serving.request_state import request_state
from serving.routes.image_answer import items_of, problem_of
from serving.routes.image_request import ImageParameters, TheImageParameters, received
from serving.schemas import CandidateSchema, PredictAnswer, PredictedImage
from serving.telemetry.metrics import Stage

router = APIRouter(tags=["predict"])

TopK = Annotated[int, Query(ge=1, le=1000, description="Candidates for each image.")]


@router.post(
    "/predict",
    summary="Label images by the default model",
    response_model=PredictAnswer,
    responses=PREDICT_PROBLEMS,
    openapi_extra={"requestBody": REQUEST_BODY},
)
async def predict(
    request: Request, gateway: TheGateway, parameters: TheImageParameters, *, top_k: TopK = 5
) -> Response:
    """Multipart `image` parts, a raw image, or JSON with base64."""
    return await _predict(request, gateway, gateway.versions.routing.default, parameters, top_k=top_k)


@router.post(
    "/models/{model}/predict",
    summary="Label images by a named model",
    response_model=PredictAnswer,
    responses=PREDICT_PROBLEMS,
    openapi_extra={"requestBody": REQUEST_BODY},
)
async def predict_by_model(
    request: Request, gateway: TheGateway, model: str, parameters: TheImageParameters, *, top_k: TopK = 5
) -> Response:
    """As /predict."""
    return await _predict(request, gateway, model, parameters, top_k=top_k)


async def _predict(
    request: Request, gateway: Gateway, model: str, parameters: ImageParameters, *, top_k: int
) -> Response:
    state = request_state(request.scope)
    async with received(request, gateway, model, parameters) as got:
        answer = await gateway.predictor.predict(got.asked, on_resolved=state.resolved_to)
        with gateway.metrics.stage(Stage.RESPOND):
            return _respond(request, got.named, answer, top_k=top_k)


def _respond(
    request: Request, named: Sequence[NamedImage | NamedUrl], answer: Answer[Probabilities], *, top_k: int
) -> Response:
    def item(name: str | None, row: Probabilities) -> PredictedImage:
        return _item(name, to_prediction(row, answer.target.facts, top_k=top_k))

    items = items_of(named, answer, item)
    problem = problem_of(request, items)
    if problem is not None:
        return problem
    body = PredictAnswer(
        model=answer.target.model,
        version=answer.target.version,
        request_id=request_state(request.scope).request_id,
        predictions=items,
    )
    return Response(body.model_dump_json(), media_type="application/json")


def _item(name: str | None, prediction: Prediction) -> PredictedImage:
    return PredictedImage(
        name=name,
        label=prediction.label,
        probability=prediction.probability,
        top=[CandidateSchema(label=c.label, probability=c.probability) for c in prediction.top],
    )
