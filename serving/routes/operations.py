"""Probes and metrics: what Kubernetes and Prometheus ask."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Response
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from serving.gateway import Gateway, TheGateway
from serving.schemas import Health

router = APIRouter(tags=["operations"])

_UNAVAILABLE: dict[int | str, dict[str, Any]] = {
    503: {"model": Health, "description": "Not yet, or not now; `detail` says why."}
}


@router.get("/livez", summary="Is the process alive?")
async def livez() -> Health:
    """The process answers. Says nothing of the model server: a restart of the gateway would not help it."""
    return Health(status="ok")


@router.get("/readyz", summary="Can it answer?", responses=_UNAVAILABLE)
async def readyz(gateway: TheGateway, response: Response) -> Health:
    """The default model has a version that passed its self-test."""
    return _health(gateway, response, ready=False)


@router.get("/startupz", summary="Could it ever?", responses=_UNAVAILABLE)
async def startupz(gateway: TheGateway, response: Response) -> Health:
    """The gateway was ready once."""
    return _health(gateway, response, ready=gateway.was_ready)


@router.get("/metrics", summary="Metrics for Prometheus", response_class=Response)
async def metrics(gateway: TheGateway) -> Response:
    """In Prometheus' text format."""
    return Response(generate_latest(gateway.registry), headers={"Content-Type": CONTENT_TYPE_LATEST})


def _health(gateway: Gateway, response: Response, *, ready: bool) -> Health:
    why = gateway.predictor.watch(gateway.settings.default).not_ready_because
    if why is None:
        gateway.was_ready = True
    if ready or why is None:
        return Health(status="ok")
    response.status_code = 503
    return Health(status="unavailable", detail=f"model {gateway.settings.default}: {why}")
