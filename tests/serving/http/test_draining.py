from __future__ import annotations

import asyncio
import signal
from types import SimpleNamespace
from typing import Any

import uvicorn

from serving.http.draining import DrainingServer


async def test_a_signal_does_nothing_itself_since_it_may_come_amid_a_log_line() -> None:
    gateway: Any = SimpleNamespace(draining=False, settings=SimpleNamespace(drain_seconds=60))
    server = DrainingServer(uvicorn.Config("unused"), gateway=gateway)

    server.handle_exit(signal.SIGTERM, None)
    within_the_handler = gateway.draining
    await asyncio.sleep(0)
    await asyncio.sleep(0)

    assert (within_the_handler, gateway.draining, server.should_exit) == (False, True, False)
