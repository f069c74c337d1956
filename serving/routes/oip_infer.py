"""POST /v2/models/{model}/infer: receive, ask, answer."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Header, Request, Response

from serving.bodies.content_coding import IDENTITY, decompressed, is_coded
from serving.bodies.receive import receive_body
from serving.gateway import Gateway
from serving.http.on_the_loop import on_the_loop
from serving.http.while_connected import while_connected
from serving.load.deadline import Deadline
from serving.oip.infer import infer, version_choice
from serving.oip.json_answer import write_answer
from serving.oip.json_request import HEADER, read_request
from serving.request_state import request_state
from serving.routes.image_request import ROUTING_KEY_HEADER, TIMEOUT_HEADER, Admitted, admitted
from serving.telemetry.metrics import Stage


@dataclass(frozen=True, kw_only=True)
class _InferHeaders:
    json_bytes: Annotated[
        str | None, Header(alias=HEADER, description="How many bytes of the body are JSON.")
    ] = None
    coding: Annotated[str, Header(alias="Content-Encoding", description="gzip or deflate.")] = IDENTITY
    timeout_seconds: Annotated[
        float | None, Header(alias=TIMEOUT_HEADER, gt=0, examples=[5], description="As for /predict.")
    ] = None
    routing_key: Annotated[
        str, Header(alias=ROUTING_KEY_HEADER, max_length=256, description="As for /predict.")
    ] = ""


InferHeaders = Annotated[_InferHeaders, Depends(on_the_loop(_InferHeaders))]


async def answered(
    request: Request, gateway: Gateway, model: str, version: str, headers: _InferHeaders
) -> Response:
    """Answer one request.

    Raises:
        MiwakeError: see `receive_body`, `read_request` and `infer`.
    """
    state = request_state(request.scope)
    choice = version_choice(version)
    with admitted(request, gateway, model, choice=choice, headers=headers) as place:
        with gateway.metrics.stage(Stage.RECEIVE):
            body = await receive_body(request, place.limits, hold=place.held.hold)
        deadline = place.own_deadline or Deadline.after(gateway.settings.timeout_seconds)
        async with while_connected(request):
            if is_coded(headers.coding):
                body = await _plain(body, headers.coding, gateway, place, deadline)
            asked = await gateway.codecs.run(
                read_request,
                body,
                json_bytes=headers.json_bytes,
                max_images=place.limits.max_images,
                deadline=deadline,
            )
            del body  # as large as all images together, and no longer needed
            images = asked.asked(
                model=model,
                choice=choice,
                deadline=deadline,
                sticky_key=place.sticky_key,
                caller=state.caller.digest,
            )
            answer = await infer(gateway.predictor, images, asked, on_resolved=state.resolved_to)
            with gateway.metrics.stage(Stage.RESPOND):
                written = await gateway.codecs.run(write_answer, answer, asked, deadline=images.deadline)
    if written.json_bytes is None:
        return Response(written.content, media_type="application/json")
    length = {HEADER: str(written.json_bytes)}
    return Response(written.content, media_type="application/octet-stream", headers=length)


async def _plain(body: bytes, coding: str, gateway: Gateway, place: Admitted, deadline: Deadline) -> bytes:
    """Hold what it becomes instead of what it was."""
    plain = await decompressed(
        body,
        coding,
        max_bytes=place.limits.max_body_bytes,
        in_a_thread=functools.partial(gateway.codecs.run, deadline=deadline),
        hold=place.held.hold,
    )
    place.held.release(len(body))
    return plain
