"""Photographs of equal bytes: asked once, and nobody waits for ever."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping, Sequence

from scoring.repeats import Entry, Repeats
from scoring.row import Row
from scoring.step import Loaded
from scoring.targets.target import Pinned
from tests.rows import answered

PINNED = Pinned("toy", 3, "ff")


class Known:
    """What was answered, by digest."""

    def __init__(self) -> None:
        self.rows: dict[str, Row] = {}
        self.asked: list[set[str]] = []

    async def __call__(self, digests: Collection[str]) -> Mapping[str, Row]:
        self.asked.append(set(digests))
        await asyncio.sleep(0)
        return {digest: self.rows[digest] for digest in digests if digest in self.rows}


def entry(number: int, sha256: str | None) -> Entry:
    return (number, f"{number}.jpg"), Loaded(
        path=f"{number}.jpg", sha256=sha256, prepared=b"", pinned=PINNED, seconds=0.5
    )


def _numbers(entries: Sequence[Entry]) -> list[int]:
    return [number for (number, _), _ in entries]


async def test_what_is_new_is_to_be_answered():
    repeats = Repeats(Known())

    async with repeats.sorted_out([entry(1, "a"), entry(2, "b")]) as (rows, fresh, waiting):
        assert (rows, _numbers(fresh), waiting) == ([], [1, 2], [])


async def test_what_was_answered_is_a_row_of_its_own_path_and_time():
    known = Known()
    known.rows["a"] = answered("", sha256="a", seconds=9.0)
    repeats = Repeats(known)

    async with repeats.sorted_out([entry(1, "a"), entry(2, "b")]) as (rows, fresh, waiting):
        assert rows == [(1, answered("1.jpg", sha256="a", seconds=0.5))]
        assert (_numbers(fresh), waiting) == ([2], [])


async def test_equal_photographs_of_one_batch_wait_for_the_first_of_them():
    repeats = Repeats(Known())

    async with repeats.sorted_out([entry(1, "a"), entry(2, "a"), entry(3, "a")]) as (_, fresh, waiting):
        assert _numbers(fresh) == [1]
        assert [numbered for numbered, _ in waiting] == [(2, "2.jpg"), (3, "3.jpg")]
        assert not any(event.is_set() for _, event in waiting)

    assert all(event.is_set() for _, event in waiting)


async def test_what_cannot_be_read_equals_nothing():
    repeats = Repeats(Known())

    async with repeats.sorted_out([entry(1, None), entry(2, None)]) as (_, fresh, waiting):
        assert (_numbers(fresh), waiting) == ([1, 2], [])


async def test_two_batches_that_hold_each_others_photographs_both_come_to_an_end():
    """Until all is answered; each batch answers its own before it waits."""
    known = Known()
    repeats = Repeats(known)
    asked: list[str] = []

    async def score(batch: Sequence[Entry]) -> None:
        while batch:
            async with repeats.sorted_out(batch) as (_, fresh, waiting):
                await asyncio.sleep(0)
                for _, item in fresh:
                    assert item.sha256 is not None
                    asked.append(item.sha256)
                    known.rows[item.sha256] = answered(sha256=item.sha256)
            for _, event in waiting:
                await event.wait()
            again = {numbered for numbered, _ in waiting}
            batch = [one for one in batch if one[0] in again]

    async with asyncio.timeout(5), asyncio.TaskGroup() as group:
        group.create_task(score([entry(1, "a"), entry(2, "b"), entry(3, "c")]))
        group.create_task(score([entry(4, "d"), entry(5, "c"), entry(6, "a")]))
        group.create_task(score([entry(7, "c"), entry(8, "d"), entry(9, "b"), entry(10, "a")]))

    assert sorted(asked) == ["a", "b", "c", "d"]


async def test_where_the_first_one_fails_the_next_one_asks_itself():
    repeats = Repeats(Known())
    failing = repeats.sorted_out([entry(1, "a")])
    await failing.__aenter__()
    async with repeats.sorted_out([entry(2, "a")]) as (_, fresh, waiting):
        assert _numbers(fresh) == []
        await failing.__aexit__(KeyError, KeyError("the target"), None)
    await asyncio.wait_for(waiting[0][1].wait(), timeout=1)

    async with repeats.sorted_out([entry(2, "a")]) as (_, fresh, waiting):
        assert (_numbers(fresh), waiting) == ([2], [])


async def test_an_owner_that_is_cancelled_while_it_looks_up_answers_holds_nobody_up():
    repeats = Repeats(Known())
    owner = asyncio.create_task(repeats.sorted_out([entry(1, "a")]).__aenter__())
    await asyncio.sleep(0)
    owner.cancel()
    await asyncio.wait([owner])

    async with repeats.sorted_out([entry(2, "a")]) as (_, fresh, waiting):
        assert (_numbers(fresh), waiting) == ([2], [])


async def test_answers_are_looked_up_only_for_what_nobody_else_is_answering():
    known = Known()
    repeats = Repeats(known)

    async with (
        repeats.sorted_out([entry(1, "a")]),
        repeats.sorted_out([entry(2, "a"), entry(3, "b"), entry(4, None)]),
    ):
        pass

    assert known.asked == [{"a"}, {"b"}]
