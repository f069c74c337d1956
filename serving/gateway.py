"""What the routes share, found on the application."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Annotated

from fastapi import Depends, Request
from prometheus_client import CollectorRegistry

from serving.asking import NO_CHOICE, VersionChoice
from serving.callers.callers import Callers
from serving.fetch.fetcher import Fetcher
from serving.load.admission import Admission
from serving.load.codec_pool import CodecPool
from serving.predictor import Predictor
from serving.request_state import RequestState
from serving.settings import Settings
from serving.telemetry.metrics import Metrics
from serving.versions.resolver import VersionResolver


@dataclass(kw_only=True)
class Gateway:
    """One gateway's parts.

    Attributes:
        was_ready: that it was so once.
        draining: that it ends soon: it finishes what it has and is not ready for more.
        closing: set when it takes no more connections, on any port.
        running: what must run for as long as it does.
    """

    settings: Settings
    predictor: Predictor
    admission: Admission
    codecs: CodecPool
    fetcher: Fetcher
    callers: Callers
    metrics: Metrics
    registry: CollectorRegistry
    was_ready: bool = False
    draining: bool = False
    closing: asyncio.Event = field(default_factory=asyncio.Event)
    running: Sequence[asyncio.Task[None]] = ()

    @property
    def broken(self) -> bool:
        """Whether a part of it has ended before its time; only a new process helps."""
        return any(task.done() for task in self.running)

    @property
    def versions(self) -> VersionResolver:
        """Which version of a model answers, and what is known of the others."""
        return self.predictor.versions

    def asks_of(
        self,
        state: RequestState,
        model: str,
        choice: VersionChoice = NO_CHOICE,
        *,
        sticky_key: str | None = None,
    ) -> None:
        """A request names a model: may its caller use it, is there one, and which version would answer.

        Raises:
            ForbiddenError: it may not, whether or not there is such a model.
            ModelNotFoundError: there is none.
        """
        state.caller.require(model)
        served = self.versions.expected(model, choice, sticky_key=sticky_key)
        state.expects(model, served.target if served else None)

    def not_ready_because(self) -> str | None:
        """Why requests should go elsewhere; None where they are welcome."""
        if self.draining:
            return "the gateway is about to end"
        model = self.versions.routing.default
        why = self.versions.not_ready_because(model)
        if why is None:
            self.was_ready = True
            return None
        return f"model {model}: {why}"


async def _gateway(request: Request) -> Gateway:  # else FastAPI would run it in a thread
    gateway: Gateway = request.app.state.gateway
    return gateway


TheGateway = Annotated[Gateway, Depends(_gateway)]
