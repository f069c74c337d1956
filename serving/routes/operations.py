"""Probes and metrics: what Kubernetes and Prometheus ask."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any

from fastapi import APIRouter, Header, Response

from serving.gateway import Gateway, TheGateway
from serving.schemas import Health
from serving.telemetry.exposition import exposition

router = APIRouter(tags=["operations"])
metrics_router = APIRouter(tags=["operations"])  # on the admin port where there is one

_UNAVAILABLE: dict[int | str, dict[str, Any]] = {
    503: {"model": Health, "description": "Not yet, or not now; `detail` says why."}
}
_TEXT = {"schema": {"type": "string"}}
_METRICS: dict[int | str, dict[str, Any]] = {
    200: {"content": {"text/plain": _TEXT, "application/openmetrics-text": _TEXT}}
}


@router.get("/livez", summary="Is the process alive?", responses=_UNAVAILABLE)
async def livez(gateway: TheGateway, response: Response) -> Health:
    """The process works. Says nothing of the model server: a restart of the gateway would not help it."""
    if not gateway.broken:
        return Health(status="ok")
    response.status_code = 503
    return Health(status="unavailable", detail="a part of the gateway has ended; see the log")


@router.get("/readyz", summary="Can it answer?", responses=_UNAVAILABLE)
async def readyz(gateway: TheGateway, response: Response) -> Health:
    """The default model has a version that passed its self-test."""
    return _health(gateway, response, ready=False)


@router.get("/startupz", summary="Could it ever?", responses=_UNAVAILABLE)
async def startupz(gateway: TheGateway, response: Response) -> Health:
    """The gateway was ready once."""
    gateway.not_ready_because()  # it may be so for the first time just now
    return _health(gateway, response, ready=gateway.was_ready)


@metrics_router.get("/metrics", summary="Metrics for Prometheus", response_class=Response, responses=_METRICS)
async def metrics(
    gateway: TheGateway, accept: Annotated[str, Header(include_in_schema=False)] = ""
) -> Response:
    """In Prometheus' text format, or in OpenMetrics', with exemplars, where it is asked for."""
    # Thousands of series take a while; meanwhile requests are answered.
    text, media_type = await asyncio.to_thread(exposition, gateway.registry, accept=accept)
    return Response(text, headers={"Content-Type": media_type})


def _health(gateway: Gateway, response: Response, *, ready: bool) -> Health:
    why = gateway.not_ready_because()
    if ready or why is None:
        return Health(status="ok")
    response.status_code = 503
    return Health(status="unavailable", detail=why)
