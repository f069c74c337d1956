"""Many items at once: order, bounds, and every way it may end. Threads and tasks alike."""

from __future__ import annotations

import asyncio
import itertools
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from typing import Any

import pytest

from miwake.client.in_order import groups, groups_async, in_order, in_order_async

Work = Callable[[int], int]


def by_tasks(work: Work, items: Iterable[int], *, concurrency: int, take: int | None = None) -> list[int]:
    """The same in tasks, whose work blocks a thread each; at most `take` outcomes are drawn."""

    async def over_time() -> AsyncIterator[int]:
        for item in items:
            yield item

    async def drawn() -> list[int]:
        outcomes = in_order_async(
            lambda item: asyncio.to_thread(work, item), over_time(), concurrency=concurrency
        )
        drawn = []
        try:
            async for outcome in outcomes:
                drawn.append(outcome)
                if len(drawn) == take:
                    break
        finally:
            await outcomes.aclose()
        return drawn

    return asyncio.run(drawn())


def by_threads(work: Work, items: Iterable[int], *, concurrency: int, take: int | None = None) -> list[int]:
    """Outcomes of `in_order`; at most `take` are drawn."""
    outcomes = in_order(lambda item, _: work(item), items, concurrency=concurrency)
    try:
        return list(itertools.islice(outcomes, take))
    finally:
        outcomes.close()


@pytest.fixture(params=[by_threads, by_tasks])
def drawn(request: pytest.FixtureRequest) -> Callable[..., list[int]]:
    return request.param


class Counted:
    """Items without an end; remembers how many were drawn, and the most that were worked on at once."""

    def __init__(self, *, end: int | None = None) -> None:
        self.drawn = self.done = self.running = self.most_running = self.most_ahead = 0
        self._end = end
        self._lock = threading.Lock()

    def __iter__(self) -> Iterator[int]:
        for number in itertools.count() if self._end is None else range(self._end):
            with self._lock:
                self.drawn += 1
            yield number

    def square(self, item: int) -> int:
        with self._lock:
            self.running += 1
            self.most_running = max(self.most_running, self.running)
        time.sleep(0.002 if item % 5 else 0.02)
        with self._lock:
            self.running -= 1
            self.done += 1
        return item * item


def test_outcomes_come_in_the_order_of_the_items(drawn: Callable[..., list[int]]) -> None:
    counted = Counted(end=60)

    assert drawn(counted.square, counted, concurrency=7) == [item * item for item in range(60)]
    assert 2 <= counted.most_running <= 7


def test_few_of_an_endless_row_are_read(drawn: Callable[..., list[int]]) -> None:
    counted = Counted()

    assert drawn(counted.square, counted, concurrency=3, take=50) == [item * item for item in range(50)]
    assert counted.drawn <= 50 + 2 * 3


def test_nothing_works_on_once_the_caller_has_stopped(drawn: Callable[..., list[int]]) -> None:
    counted = Counted()

    drawn(counted.square, counted, concurrency=3, take=10)

    threads = {thread.name for thread in threading.enumerate()}
    assert not any(name.startswith("miwake-client") for name in threads)
    done = counted.done
    time.sleep(0.05)
    assert (counted.done, counted.running) == (done, 0)


def test_what_the_work_raises_is_raised_in_its_turn(drawn: Callable[..., list[int]]) -> None:
    before: list[int] = []

    def fail_at_20(item: int) -> int:
        if item == 20:
            raise KeyError(item)
        before.append(item)
        return item

    with pytest.raises(KeyError, match="20"):
        drawn(fail_at_20, itertools.count(), concurrency=4)

    assert set(range(20)) <= set(before)
    assert max(before) < 20 + 2 * 4


def test_what_the_items_raise_is_raised(drawn: Callable[..., list[int]]) -> None:
    def items() -> Iterator[int]:
        yield from range(5)
        raise OSError("the list ends here")

    with pytest.raises(OSError, match="the list ends here"):
        drawn(lambda item: item, items(), concurrency=2)


def test_no_items_have_no_outcomes(drawn: Callable[..., list[int]]) -> None:
    assert drawn(lambda item: item, [], concurrency=2) == []


def test_nothing_at_once_is_refused(drawn: Callable[..., list[int]]) -> None:
    with pytest.raises(ValueError, match="0 at once"):
        drawn(lambda item: item, [1], concurrency=0)


def test_a_thread_is_told_that_nobody_waits_any_more() -> None:
    begun, told = threading.Event(), threading.Event()

    def wait_to_be_told(item: int, stopped: threading.Event) -> int:
        if item == 0:
            begun.wait(10)
            return 0
        begun.set()
        if stopped.wait(10):
            told.set()
        return item

    outcomes = in_order(wait_to_be_told, itertools.count(), concurrency=2)
    assert next(outcomes) == 0
    outcomes.close()

    assert told.is_set()


def test_a_task_that_nobody_waits_for_is_cancelled() -> None:
    cancelled: list[int] = []

    async def work(item: int) -> int:
        if item == 0:
            return 0
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            cancelled.append(item)
            raise
        return item

    async def draw_one() -> None:
        async for _ in in_order_async(work, groups_items(), concurrency=3):
            break

    async def groups_items() -> AsyncIterator[int]:
        for item in range(6):
            yield item
            await asyncio.sleep(0)

    asyncio.run(draw_one())

    assert cancelled


@pytest.mark.parametrize(("count", "sizes"), [(0, []), (3, [3]), (4, [4]), (9, [4, 4, 1])])
def test_groups_are_full_but_for_the_last(count: int, sizes: list[int]) -> None:
    async def collected(items: Any) -> list[list[int]]:
        return [group async for group in groups_async(items, size=4)]

    async def over_time() -> AsyncIterator[int]:
        for item in range(count):
            yield item

    for found in (
        list(groups(iter(range(count)), size=4)),
        asyncio.run(collected(range(count))),
        asyncio.run(collected(over_time())),
    ):
        assert [len(group) for group in found] == sizes
        assert list(itertools.chain(*found)) == list(range(count))


def test_groups_of_nothing_are_refused() -> None:
    with pytest.raises(ValueError, match="0 at once"):
        next(groups([1], size=0))
