"""Work on many items at once; outcomes in the order of the items, and few items read ahead."""

from __future__ import annotations

import asyncio
import itertools
import threading
from collections import deque
from collections.abc import (
    AsyncGenerator,
    AsyncIterable,
    AsyncIterator,
    Awaitable,
    Callable,
    Generator,
    Iterable,
    Iterator,
)
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")

# So many items for each worker are read ahead: while the oldest is waited for, the others have work.
_READ_AHEAD = 2


def in_order(
    work: Callable[[Item, threading.Event], Result], items: Iterable[Item], *, concurrency: int
) -> Generator[Result, None, None]:
    """Work in threads.

    Items are drawn in the caller's thread. Where the caller stops early, or an item or the work raises, what
    has not begun never does, and what has is told so by the event and waited for.

    Args:
        work: on one item; the event is set once nobody waits for it any more.
        items: may have no end.
        concurrency: how many are worked on at once.

    Yields:
        What the work returns. What it raises is raised here, in its turn.

    Raises:
        ValueError: a concurrency below 1.
    """
    most = _read_ahead(concurrency)
    stopped = threading.Event()
    waiting: deque[Future[Result]] = deque()
    pool = ThreadPoolExecutor(concurrency, thread_name_prefix="miwake-client")
    try:
        for item in items:
            waiting.append(pool.submit(work, item, stopped))
            while waiting and (len(waiting) >= most or waiting[0].done()):
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        stopped.set()
        pool.shutdown(cancel_futures=True)


async def in_order_async(
    work: Callable[[Item], Awaitable[Result]],
    items: AsyncIterable[Item],
    *,
    concurrency: int,
) -> AsyncGenerator[Result, None]:
    """Work in tasks, otherwise as `in_order`; what is left when it stops is cancelled."""
    most = _read_ahead(concurrency)
    places = asyncio.Semaphore(concurrency)

    async def placed(item: Item) -> Result:
        async with places:
            return await work(item)

    waiting: deque[asyncio.Task[Result]] = deque()
    try:
        async for item in items:
            waiting.append(asyncio.create_task(placed(item)))
            while waiting and (len(waiting) >= most or waiting[0].done()):
                yield await waiting.popleft()
        while waiting:
            yield await waiting.popleft()
    finally:
        for task in waiting:
            task.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)


def groups(items: Iterable[Item], *, size: int) -> Iterator[list[Item]]:
    """Items in lists of that many, the last of which may be shorter.

    Raises:
        ValueError: a size below 1.
    """
    _refuse_none(size)
    source = iter(items)
    while group := list(itertools.islice(source, size)):
        yield group


async def groups_async(
    items: Iterable[Item] | AsyncIterable[Item], *, size: int
) -> AsyncIterator[list[Item]]:
    """The same, also of what comes over time."""
    _refuse_none(size)
    group: list[Item] = []
    async for item in _over_time(items):
        group.append(item)
        if len(group) == size:
            yield group
            group = []
    if group:
        yield group


def _read_ahead(concurrency: int) -> int:
    _refuse_none(concurrency)
    return _READ_AHEAD * concurrency


def _refuse_none(count: int) -> None:
    if count < 1:
        raise ValueError(f"{count} at once is none at all")


async def _over_time(items: Iterable[Item] | AsyncIterable[Item]) -> AsyncIterator[Item]:
    if isinstance(items, AsyncIterable):
        async for item in items:
            yield item
    else:
        for item in items:
            yield item
