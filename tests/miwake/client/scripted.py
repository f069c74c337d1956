"""Both clients over a scripted gateway, with a clock that only their own pauses turn."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, TypeAlias

import httpx

from miwake import AsyncClient, Client
from miwake.client import Prediction, Retries
from tests.clock import Clock

Scripted: TypeAlias = httpx.Response | Exception

ANSWER = {
    "model": "toy",
    "version": 1,
    "request_id": "gateways-own",
    "predictions": [
        {"name": None, "label": "cat", "probability": 0.7, "top": [{"label": "cat", "probability": 0.7}]}
    ],
}
FULL_JITTER = Retries(attempts=4, first_seconds=1.0, most_seconds=8.0, jitter=lambda: 1.0)


def answered(document: object = ANSWER) -> httpx.Response:
    return httpx.Response(200, json=document)


def problem(status: int, code: str, *, retry_after: str | None = None, **members: Any) -> httpx.Response:
    headers = {} if retry_after is None else {"Retry-After": retry_after}
    document = {"code": code, "detail": f"because of {code}", "request_id": "gateways-own", **members}
    return httpx.Response(status, json=document, headers=headers)


class TurnedByPauses(Clock):
    """A clock for either client; remembers the pauses."""

    def __init__(self) -> None:
        super().__init__()
        self.pauses: list[float] = []

    def now(self) -> float:
        return self()

    def sleep(self, seconds: float) -> None:
        self.pauses.append(seconds)
        self.turn(seconds)


class AsyncTurnedByPauses(TurnedByPauses):
    async def sleep(self, seconds: float) -> None:  # type: ignore[override]
        super().sleep(seconds)


class Gateway:
    """Gives its answers one after the other, the last one for ever; remembers the requests."""

    def __init__(self, *answers: Scripted, seconds: float = 0.0) -> None:
        self._answers = list(answers)
        self._seconds = seconds  # that each answer takes
        self.clock = TurnedByPauses()
        self.requests: list[httpx.Request] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        self.clock.turn(self._seconds)
        answer = self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]
        if isinstance(answer, Exception):
            raise answer
        return httpx.Response(answer.status_code, headers=answer.headers, content=answer.content)

    @property
    def pauses(self) -> list[float]:
        return self.clock.pauses


Use: TypeAlias = Callable[[Any], Any]
Ask: TypeAlias = Callable[..., Any]


def ask_client(gateway: Gateway, use: Use | None = None, **options: Any) -> Any:
    """What `use` makes of a Client; by default one prediction."""
    with Client(**_options(gateway, options)) as client:
        return (use or _predict)(client)


def ask_async_client(gateway: Gateway, use: Use | None = None, **options: Any) -> Any:
    """The same of an AsyncClient."""

    async def ask() -> Any:
        gateway.clock = AsyncTurnedByPauses()
        async with AsyncClient(**_options(gateway, options)) as client:
            return await (use or _predict)(client)

    return asyncio.run(ask())


def _predict(client: Any) -> Prediction:
    return client.predict(b"image")


def _options(gateway: Gateway, options: dict[str, Any]) -> dict[str, Any]:
    usual = {"url": "http://gateway", "retries": FULL_JITTER, "clock": gateway.clock}
    return usual | {"transport": httpx.MockTransport(gateway)} | options
