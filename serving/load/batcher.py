"""Natural batching for one signature of one model version on one model server.

At most k calls are in flight; whatever waits when one returns goes together, up to the largest batch. No
timer: an idle model answers a lone image at once, a busy one fills its batches by itself. What has waited
past its deadline is not sent. How many may wait is the lanes' business: see lane.py.
"""

from __future__ import annotations

import asyncio
import collections
import contextvars
import time
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from contract.errors import MiwakeError
from modelserver.errors import DeadlineExceededError
from serving.load.deadline import Deadline

Item = TypeVar("Item")
Result = TypeVar("Result")
# Takes N items and the seconds it may take, gives N results.
SendBatch = Callable[[list[Item], float], Awaitable[Iterable[Result]]]


@dataclass(frozen=True, kw_only=True, eq=False)
class _Waiting(Generic[Item, Result]):
    item: Item
    deadline: Deadline
    answer: asyncio.Future[Result]
    since: float = field(default_factory=time.perf_counter)
    context: contextvars.Context = field(default_factory=contextvars.copy_context)


class Batcher(Generic[Item, Result]):
    """Gathers items into calls of `send_batch`."""

    def __init__(
        self,
        send_batch: SendBatch[Item, Result],
        *,
        max_batch_size: int,
        max_calls_in_flight: int,
        on_taken: Callable[[float], None],
        on_answered: Callable[[float], None] = lambda _: None,
    ) -> None:
        """Wire it up.

        Args:
            send_batch: sends one batch.
            max_batch_size: items in one.
            max_calls_in_flight: batches under way at once.
            on_taken: told the seconds each item waited, when its batch goes.
            on_answered: told the seconds its call took, when it ends. Both are called in the context that the
                item was submitted in; the batch is sent in that of its oldest item.
        """
        self._send_batch = send_batch
        self._max_batch_size = max_batch_size
        self._max_calls_in_flight = max_calls_in_flight
        self._on_taken = on_taken
        self._on_answered = on_answered
        self._queue: collections.deque[_Waiting[Item, Result]] = collections.deque()
        self._in_flight: dict[asyncio.Task[None], list[_Waiting[Item, Result]]] = {}
        self._closed_by: MiwakeError | None = None

    @property
    def load(self) -> int:
        """Items that wait or are under way."""
        return len(self._queue) + sum(map(len, self._in_flight.values()))

    @property
    def waiting(self) -> int:
        """Items that wait for a call."""
        return len(self._queue)

    async def submit(self, item: Item, *, deadline: Deadline) -> Result:
        """The result of one item.

        Args:
            item: to be sent with others.
            deadline: passed on with the batch; the caller enforces it on its own wait.

        Raises:
            MiwakeError: whatever befell the batch, or closed the batcher.
        """
        if self._closed_by is not None:
            raise self._closed_by
        answer: asyncio.Future[Result] = asyncio.get_running_loop().create_future()
        waiting = _Waiting(item=item, deadline=deadline, answer=answer)
        self._queue.append(waiting)
        self._send_what_waits()
        try:
            return await answer
        except asyncio.CancelledError:  # the client has gone or is out of time: its place is free
            if waiting in self._queue:
                self._queue.remove(waiting)
            raise

    def close(self, error: MiwakeError) -> None:
        """Answer everyone who waits, in the queue or for a call under way, with this error, and all to come.

        For a version that may not answer any more: an answer that still arrives is thrown away.
        """
        self._closed_by = error
        _fail([*self._queue, *(w for batch in self._in_flight.values() for w in batch)], error)
        self._queue.clear()

    def _send_what_waits(self) -> None:
        while len(self._in_flight) < self._max_calls_in_flight and (batch := self._take()):
            call = asyncio.create_task(self._send(batch), context=batch[0].context.copy())
            self._in_flight[call] = batch
            call.add_done_callback(self._call_done)

    def _call_done(self, call: asyncio.Task[None]) -> None:
        del self._in_flight[call]
        self._send_what_waits()

    def _take(self) -> list[_Waiting[Item, Result]]:
        """The next batch; empty where nothing waits that is still wanted."""
        batch: list[_Waiting[Item, Result]] = []
        while self._queue and len(batch) < self._max_batch_size:
            waiting = self._queue.popleft()
            if waiting.deadline.at <= time.monotonic():
                _fail([waiting], DeadlineExceededError("the image waited past its deadline"))
            else:
                waiting.context.run(self._on_taken, time.perf_counter() - waiting.since)
                batch.append(waiting)
        return batch

    async def _send(self, batch: list[_Waiting[Item, Result]]) -> None:
        started = time.perf_counter()
        try:
            # As long as the most patient of them may wait; the others give up by themselves.
            seconds = max(waiting.deadline.at for waiting in batch) - time.monotonic()
            results = await self._send_batch([waiting.item for waiting in batch], seconds)
            answered = list(zip(batch, results, strict=True))  # all of them, before anyone gets another's
        # Whatever it is, it belongs to the requests that wait for this batch, not to the task.
        except Exception as exc:  # noqa: BLE001
            _fail(batch, exc)
        else:
            for waiting, result in answered:
                if not waiting.answer.done():
                    waiting.answer.set_result(result)
        finally:
            for waiting in batch:
                waiting.context.run(self._on_answered, time.perf_counter() - started)


def _fail(waiting: list[_Waiting[Item, Result]], error: Exception) -> None:
    for one in waiting:
        if not one.answer.done():
            one.answer.set_exception(error)
