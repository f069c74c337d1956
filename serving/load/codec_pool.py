"""Reading requests and writing answers off the event loop, in threads that nothing else waits for."""

from __future__ import annotations

import asyncio
import contextvars
import functools
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from modelserver.errors import DeadlineExceededError
from serving.load.deadline import Deadline

Value = TypeVar("Value")


class CodecPool:
    """A fixed number of threads."""

    def __init__(self, *, threads: int) -> None:
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix="codec")

    async def run(
        self, work: Callable[..., Value], *args: object, deadline: Deadline, **kwargs: object
    ) -> Value:
        """Do it in a thread; what is given up before its turn is never done.

        Raises:
            DeadlineExceededError: it was not done in time.
        """
        run = functools.partial(contextvars.copy_context().run, work, *args, **kwargs)
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(deadline.remaining_seconds()):
                return await loop.run_in_executor(self._threads, run)
        except TimeoutError as exc:
            raise DeadlineExceededError("the request took longer than it may") from exc

    def close(self) -> None:
        """End the threads once their present work is done."""
        self._threads.shutdown(wait=True, cancel_futures=True)
