"""How many calls may be open at once, and how many may send their messages."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterator

from modelserver.errors import OverloadedError
from serving.gateway import Gateway
from serving.load.admission import HeldBytes
from serving.load.refusal import Refusal
from serving.load.shares import Shares

# Probes of a cluster and of a balancer or two, of a few bytes each.
HEALTH_CALLS = 8
_HEALTH_SECONDS = 1.0
# Nobody knows how far a message is before all of it is here: so it has less time than a body over HTTP.
_MESSAGE_SECONDS = 10.0


class Places:
    """Those of one sort of calls.

    gRPC tells a message's size once it is here. So only some are read at once, and each counts as the largest
    until then.

    Attributes:
        seconds: for a message to arrive, the wait for its turn included.
    """

    def __init__(
        self, gateway: Gateway, *, calls: int, readers: int, seconds: float, message_bytes: int
    ) -> None:
        self.seconds = seconds
        self._metrics = gateway.metrics
        self._calls = self._free = calls
        self._calls_of = Shares(gateway.settings.caller_share, on_refused=gateway.metrics.count_refused)
        self._readers = asyncio.Semaphore(readers)
        self._message_bytes = message_bytes

    @classmethod
    def for_methods(cls, gateway: Gateway) -> Places:
        """All calls but probes; messages on their way leave half of the room to HTTP."""
        settings = gateway.settings
        return cls(
            gateway,
            calls=settings.grpc_max_calls,
            readers=max(1, settings.max_bytes_in_flight // 2 // settings.max_body_bytes),
            seconds=min(_MESSAGE_SECONDS, settings.receive_timeout_seconds),
            message_bytes=settings.max_body_bytes,
        )

    @classmethod
    def for_health(cls, gateway: Gateway) -> Places:
        """Probes, answered however many other calls there are."""
        return cls(
            gateway, calls=HEALTH_CALLS, readers=HEALTH_CALLS, seconds=_HEALTH_SECONDS, message_bytes=0
        )

    @contextlib.contextmanager
    def one(self, caller: str) -> Iterator[None]:
        """Hold a place for the block.

        Args:
            caller: its digest; empty for anyone.

        Raises:
            OverloadedError: there is none.
            RateLimitedError: the caller has its share of them.
        """
        self._calls_of.check(caller, more=1, of=self._calls)
        if not self._free:
            self._metrics.count_refused(Refusal.REQUESTS)
            raise OverloadedError("too many calls are under way")
        self._free -= 1
        try:
            with self._calls_of.held(caller):
                yield
        finally:
            self._free += 1

    @contextlib.asynccontextmanager
    async def reading(self, held: HeldBytes) -> AsyncIterator[None]:
        """Wait for a turn to read a message, and hold as many bytes as it may have for the block.

        Raises:
            OverloadedError: there is no room for them.
        """
        async with self._readers:
            held.hold(self._message_bytes)
            try:
                yield
            finally:
                held.release(self._message_bytes)
