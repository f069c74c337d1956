"""Bodies that hardly come."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Any

import pytest
from fastapi import Request

from serving.bodies.receive import BodyLimits, receive_body
from serving.errors import BodyTooSlowError
from serving.request_state import RequestState, attach

LIMITS = BodyLimits(max_body_bytes=10_000, max_images=1, timeout_seconds=5, patience_seconds=0.2)


def request(parts: Iterable[bytes], *, every_seconds: float) -> Request:
    left = iter(parts)

    async def receive() -> Any:
        await asyncio.sleep(every_seconds)
        body = next(left, None)
        return {"type": "http.request", "body": body or b"", "more_body": body is not None}

    scope = {"type": "http", "method": "POST", "path": "/", "headers": []}
    attach(scope, RequestState(request_id="1"))
    return Request(scope, receive)


async def test_a_body_that_comes_slower_than_some_pace_is_given_up_before_its_time() -> None:
    with pytest.raises(BodyTooSlowError):
        await receive_body(request([b"x"] * 40, every_seconds=0.1), LIMITS)


async def test_a_body_at_that_pace_has_all_its_time() -> None:
    body = await receive_body(request([b"x" * 500] * 4, every_seconds=0.1), LIMITS)

    assert len(body) == 2000


async def test_a_pace_gives_no_more_time_than_there_is() -> None:
    limits = BodyLimits(max_body_bytes=10_000, max_images=1, timeout_seconds=0.3)

    with pytest.raises(BodyTooSlowError, match=r"within 0\.3 s"):
        await receive_body(request([b"x" * 500] * 20, every_seconds=0.1), limits)
