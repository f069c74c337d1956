"""POST /models/{model}/explain: where a model looked, as a picture or as numbers."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from enum import StrEnum
from typing import Annotated

import numpy as np
from fastapi import APIRouter, Header, Query, Request, Response

from contract.prediction import PROBABILITY_DECIMALS
from serving.asking import Answer, Explanation
from serving.bodies.named_image import NamedImage, NamedUrl
from serving.errors import InvalidParameterError
from serving.gateway import TheGateway
from serving.heat_overlay import overlay_png
from serving.http.accept import prefers
from serving.http.openapi import IMAGE_PROBLEMS, REQUEST_BODY, Responses
from serving.load.lane import Kind
from serving.request_state import request_state
from serving.routes.image_answer import items_of, problem_of
from serving.routes.image_request import TheImageParameters, received
from serving.schemas import ExplainAnswer, ExplainedImage, FailedImage
from serving.telemetry.metrics import Stage

router = APIRouter(tags=["predict"])

PNG, JSON = "image/png", "application/json"
# A heat map is a picture of coarse activations: more digits say nothing.
_HEAT_DECIMALS = 4


class HeatForm(StrEnum):
    """How a heat map is given in JSON."""

    OVERLAY = "overlay"
    NUMBERS = "numbers"


Label = Annotated[str | None, Query(description="The class to explain; else the best of each image.")]
Form = Annotated[HeatForm, Query(description="In JSON: a picture for people, or the numbers.")]
Accept = Annotated[str, Header(description="`image/png` gives the overlay of one image as the answer.")]

_RESPONSES: Responses = {
    **IMAGE_PROBLEMS,
    200: {"content": {PNG: {"schema": {"type": "string", "format": "binary"}}}},
}


@router.post(
    "/models/{model}/explain",
    summary="Heat maps of images",
    response_model=ExplainAnswer,
    responses=_RESPONSES,
    openapi_extra={"requestBody": REQUEST_BODY},
)
async def explain(  # noqa: PLR0913 - each is a parameter of the API
    request: Request,
    gateway: TheGateway,
    model: str,
    parameters: TheImageParameters,
    *,
    label: Label = None,
    form: Form = HeatForm.OVERLAY,
    accept: Accept = "*/*",
) -> Response:
    """Bodies as for /predict; Grad-CAM of the label asked for, or of each image's best."""
    state = request_state(request.scope)
    async with received(request, gateway, model, parameters, kind=Kind.EXPLAIN) as got:
        as_png = prefers(accept, PNG, over=JSON)
        if as_png and len(got.named) > 1:
            raise InvalidParameterError(f"Accept: {PNG} takes one image; more are answered as {JSON}")
        labels = None if label is None else [label] * len(got.asked.images)
        answer = await gateway.predictor.explain(got.asked, labels=labels, on_resolved=state.resolved_to)
        with gateway.metrics.stage(Stage.RESPOND):
            form_of_answer = None if as_png else form
            return await gateway.codecs.run(
                _respond, request, got.named, answer, form=form_of_answer, deadline=got.asked.deadline
            )


def _respond(
    request: Request,
    named: Sequence[NamedImage | NamedUrl],
    answer: Answer[Explanation],
    *,
    form: HeatForm | None,
) -> Response:
    """A JSON answer of this form; without one the picture itself."""

    def item(name: str | None, row: Explanation) -> ExplainedImage | bytes:
        probability = _probability(row, answer)
        if form is HeatForm.NUMBERS:
            numbers = np.round(row.heatmap.astype(np.float64), _HEAT_DECIMALS).tolist()
            # Checking each of its 50,000 floats would take longer than all the rest.
            return ExplainedImage.model_construct(
                name=name, label=row.label, probability=probability, heatmap=numbers
            )
        png = overlay_png(row.pixels, row.heatmap, label=row.label, probability=probability)
        if form is None:
            return png
        picture = base64.b64encode(png).decode()
        return ExplainedImage(name=name, label=row.label, probability=probability, overlay=picture)

    items = items_of(named, answer, item)
    problem = problem_of(request, items)
    if problem is not None:
        return problem
    if isinstance(items[0], bytes):
        return Response(items[0], media_type=PNG)
    body = ExplainAnswer.model_construct(
        model=answer.target.model,
        version=answer.target.version,
        request_id=request_state(request.scope).request_id,
        explanations=[item for item in items if isinstance(item, ExplainedImage | FailedImage)],
    )
    return Response(body.model_dump_json(), media_type=JSON)


def _probability(row: Explanation, answer: Answer[Explanation]) -> float:
    index = answer.target.facts.labels.index(row.label)
    return round(float(row.probabilities[index]), PROBABILITY_DECIMALS)
