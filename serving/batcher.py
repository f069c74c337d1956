"""Natural batching for one model version.

At most k Predict calls are in flight; whatever waits when one returns goes together, up to the largest
batch. No timer: an idle model answers a lone image at once, a busy one fills its batches by itself.
"""

from __future__ import annotations

import asyncio
import collections
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from contract.errors import MiwakeError
from contract.image import Pixels
from modelserver.errors import OverloadedError
from serving.deadline import Deadline

Probabilities = npt.NDArray[np.float32]
# Takes N images [H, W, 3] and the seconds it may take, gives [N, C].
PredictBatch = Callable[[list[Pixels], float], Awaitable[Probabilities]]


@dataclass(frozen=True, kw_only=True, eq=False)
class _Waiting:
    image: Pixels
    deadline: Deadline
    answer: asyncio.Future[Probabilities]
    since: float = field(default_factory=time.perf_counter)


class Batcher:
    """Gathers images into calls of `predict_batch`."""

    def __init__(
        self,
        predict_batch: PredictBatch,
        *,
        max_batch_size: int,
        max_calls_in_flight: int,
        max_waiting: int,
        on_taken: Callable[[float], None],
    ) -> None:
        """Wire it up.

        Args:
            predict_batch: sends one batch.
            max_batch_size: images in one.
            max_calls_in_flight: batches under way at once.
            max_waiting: images that may wait; one more is refused.
            on_taken: told the seconds each image waited, when its batch goes.
        """
        self._predict_batch = predict_batch
        self._max_batch_size = max_batch_size
        self._max_calls_in_flight = max_calls_in_flight
        self._max_waiting = max_waiting
        self._on_taken = on_taken
        self._queue: collections.deque[_Waiting] = collections.deque()
        self._in_flight: dict[asyncio.Task[None], list[_Waiting]] = {}
        self._closed_by: MiwakeError | None = None

    async def predict(self, image: Pixels, *, deadline: Deadline) -> Probabilities:
        """Probabilities of one image.

        Args:
            image: uint8 [H, W, 3].
            deadline: passed on with the batch; the caller enforces it on its own wait.

        Returns:
            float32 [C].

        Raises:
            OverloadedError: too many images wait already.
            MiwakeError: whatever befell the batch, or closed the batcher.
        """
        if self._closed_by is not None:
            raise self._closed_by
        if len(self._queue) >= self._max_waiting:
            raise OverloadedError("too many images are waiting for this model")
        answer: asyncio.Future[Probabilities] = asyncio.get_running_loop().create_future()
        waiting = _Waiting(image=image, deadline=deadline, answer=answer)
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
        while self._queue and len(self._in_flight) < self._max_calls_in_flight:
            batch = self._take()
            call = asyncio.create_task(self._send(batch))
            self._in_flight[call] = batch
            call.add_done_callback(self._call_done)

    def _call_done(self, call: asyncio.Task[None]) -> None:
        del self._in_flight[call]
        self._send_what_waits()

    def _take(self) -> list[_Waiting]:
        """The next batch: at least one image."""
        batch = [self._queue.popleft() for _ in range(min(len(self._queue), self._max_batch_size))]
        for waiting in batch:
            self._on_taken(time.perf_counter() - waiting.since)
        return batch

    async def _send(self, batch: list[_Waiting]) -> None:
        try:
            # As long as the most patient of them may wait; the others give up by themselves.
            seconds = max(waiting.deadline.at for waiting in batch) - time.monotonic()
            answers = await self._predict_batch([waiting.image for waiting in batch], seconds)
        # Whatever it is, it belongs to the requests that wait for this batch, not to the task.
        except Exception as exc:  # noqa: BLE001
            _fail(batch, exc)
        else:
            for waiting, answer in zip(batch, answers, strict=True):
                if not waiting.answer.done():
                    waiting.answer.set_result(answer)


def _fail(waiting: list[_Waiting], error: Exception) -> None:
    for one in waiting:
        if not one.answer.done():
            one.answer.set_exception(error)
