"""What the routes share, found on the application."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Request
from prometheus_client import CollectorRegistry

from serving.metrics import Metrics
from serving.predictor import Predictor
from serving.settings import Settings


@dataclass(kw_only=True)
class Gateway:
    """One gateway's parts."""

    settings: Settings
    predictor: Predictor
    metrics: Metrics
    registry: CollectorRegistry
    was_ready: bool = False


def _gateway(request: Request) -> Gateway:
    gateway: Gateway = request.app.state.gateway
    return gateway


TheGateway = Annotated[Gateway, Depends(_gateway)]
