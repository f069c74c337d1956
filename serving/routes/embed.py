"""POST /models/{model}/embed: what the network makes of an image before it decides."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from fastapi import APIRouter, Request, Response

from serving.asking import Answer, Embedding
from serving.bodies.named_image import NamedImage, NamedUrl
from serving.gateway import TheGateway
from serving.http.openapi import IMAGE_PROBLEMS, REQUEST_BODY
from serving.load.lane import Kind
from serving.request_state import request_state
from serving.routes.image_answer import items_of, problem_of
from serving.routes.image_request import TheImageParameters, received
from serving.schemas import EmbedAnswer, EmbeddedImage
from serving.telemetry.metrics import Stage

router = APIRouter(tags=["predict"])

# What float32 holds near 1: 0.6, not 0.60000002.
EMBEDDING_DECIMALS = 7


@router.post(
    "/models/{model}/embed",
    summary="Feature vectors of images",
    response_model=EmbedAnswer,
    responses=IMAGE_PROBLEMS,
    openapi_extra={"requestBody": REQUEST_BODY},
)
async def embed(
    request: Request, gateway: TheGateway, model: str, parameters: TheImageParameters
) -> Response:
    """Bodies as for /predict."""
    state = request_state(request.scope)
    async with received(request, gateway, model, parameters, kind=Kind.EMBED) as got:
        answer = await gateway.predictor.embed(got.asked, on_resolved=state.resolved_to)
        with gateway.metrics.stage(Stage.RESPOND):
            return await gateway.codecs.run(_respond, request, got.named, answer, deadline=got.asked.deadline)


def _respond(request: Request, named: Sequence[NamedImage | NamedUrl], answer: Answer[Embedding]) -> Response:
    items = items_of(named, answer, _item)
    problem = problem_of(request, items)
    if problem is not None:
        return problem
    body = EmbedAnswer(
        model=answer.target.model,
        version=answer.target.version,
        request_id=request_state(request.scope).request_id,
        embeddings=items,
    )
    return Response(body.model_dump_json(), media_type="application/json")


def _item(name: str | None, row: Embedding) -> EmbeddedImage:
    values = np.round(row.astype(np.float64), EMBEDDING_DECIMALS)
    return EmbeddedImage(name=name, embedding=values.tolist())
