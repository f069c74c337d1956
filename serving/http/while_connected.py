"""Work for a client that is still there."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator

from fastapi import Request
from starlette.requests import ClientDisconnect


@contextlib.asynccontextmanager
async def while_connected(request: Request) -> AsyncIterator[None]:
    """Cancel the block once the client hangs up; for a request whose body is read.

    Raises:
        ClientDisconnect: it did.
    """
    try:
        async with asyncio.timeout(None) as block:
            watching = asyncio.create_task(_end_when_hung_up(request, block))
            try:
                yield
            finally:
                watching.cancel()
    except TimeoutError as exc:
        if block.expired():
            raise ClientDisconnect from exc
        raise


async def _end_when_hung_up(request: Request, block: asyncio.Timeout) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass
    block.reschedule(asyncio.get_running_loop().time())
