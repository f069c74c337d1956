"""Waiting for what answers: how long, how often, and when to give up."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from contract.errors import ContractBrokenError, MiwakeError
from modelserver.errors import (
    DeadlineExceededError,
    ModelServerAwayError,
    ModelServerFaultError,
    OverloadedError,
    UnexpectedAnswerError,
    VersionNotFoundError,
)
from scoring.errors import TargetAwayError
from scoring.patience import Patience
from tests.clock import Clock


class Waiting:
    """Patience on a clock that the pauses themselves turn."""

    def __init__(self, wait_seconds: float = 600.0) -> None:
        self.clock = Clock()
        self.pauses: list[float] = []
        self.told: list[str] = []
        self.patience = Patience(wait_seconds, sleep=self._sleep, now=self.clock, on_wait=self.told.append)

    async def _sleep(self, seconds: float) -> None:
        self.pauses.append(seconds)
        self.clock.turn(seconds)
        await asyncio.sleep(0)

    async def ask(self, *outcomes: MiwakeError | str) -> str:
        return await self.patience.ask(answering(*outcomes))


def answering(*outcomes: MiwakeError | str) -> Callable[[], Awaitable[str]]:
    """Gives one outcome after the other, the last one for ever."""
    left = list(outcomes)

    async def ask() -> str:
        outcome = left.pop(0) if len(left) > 1 else left[0]
        if isinstance(outcome, MiwakeError):
            raise outcome
        return outcome

    return ask


AWAY = ModelServerAwayError("no connection")


async def test_an_answer_needs_no_patience():
    waiting = Waiting()

    assert await waiting.ask("answer") == "answer"
    assert (waiting.pauses, waiting.told) == ([], [])


async def test_pauses_double_from_a_tenth_of_a_second_to_ten_each_with_a_part_left_to_chance():
    waiting = Waiting()

    assert await waiting.ask(*[AWAY] * 10, "answer") == "answer"

    most = [0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 6.4, 10, 10, 10]
    assert all(high / 2 <= pause <= high for pause, high in zip(waiting.pauses, most, strict=True))
    assert waiting.told == ["no connection"] * 10


async def test_what_an_overloaded_server_asks_for_is_the_least_pause():
    waiting = Waiting()

    await waiting.ask(OverloadedError("busy", retry_after_seconds=7), OverloadedError("busy"), "answer")

    assert waiting.pauses == [7, 1]


async def test_nothing_that_answers_for_too_long_ends_it_at_the_very_time():
    waiting = Waiting(60)
    began = waiting.clock()

    with pytest.raises(TargetAwayError, match="nothing has answered for 60 s: no connection") as caught:
        await waiting.ask(AWAY)

    assert waiting.clock() - began == pytest.approx(60)
    assert caught.value.code == "model_server_away"


async def test_who_is_told_to_come_back_after_the_end_tries_once_more_at_the_end():
    waiting = Waiting(60)

    assert await waiting.ask(OverloadedError("busy", retry_after_seconds=3600), "answer") == "answer"
    assert waiting.pauses == [60]


async def test_who_may_not_wait_asks_once():
    waiting = Waiting(0)

    with pytest.raises(TargetAwayError, match="for 0 s"):
        await waiting.ask(AWAY, "answer")

    assert waiting.pauses == []


async def test_an_answer_to_anybody_is_a_sign_of_life_for_all():
    waiting = Waiting(10)
    first = asyncio.ensure_future(waiting.ask(*[AWAY] * 8, "late"))
    while waiting.clock() < 1008 and not first.done():
        await asyncio.sleep(0)
        await waiting.ask("alive")

    assert await first == "late"
    assert waiting.clock() > 1010


async def test_hours_without_a_question_are_no_hours_without_an_answer():
    waiting = Waiting(60)
    await waiting.ask("answer")
    waiting.clock.turn(7200)

    assert await waiting.ask(AWAY, "answer") == "answer"


@pytest.mark.parametrize("fault", [DeadlineExceededError("late"), ModelServerFaultError("broke")])
async def test_a_call_that_fails_in_itself_is_tried_five_times_though_all_else_goes_well(fault):
    waiting = Waiting()

    assert await waiting.ask(*[fault] * 4, "answer") == "answer"
    with pytest.raises(type(fault)):
        await waiting.ask(*[fault] * 5, "answer")

    assert len(waiting.pauses) == 8


async def test_faults_do_not_outlast_the_wait():
    waiting = Waiting(0.01)

    with pytest.raises(TargetAwayError, match="broke"):
        await waiting.ask(ModelServerFaultError("broke"))


@pytest.mark.parametrize(
    "error",
    [
        VersionNotFoundError("gone"),
        ContractBrokenError("golden"),
        UnexpectedAnswerError("odd"),
        MiwakeError("other"),
    ],
)
async def test_everything_else_is_no_matter_of_patience(error):
    waiting = Waiting()

    with pytest.raises(type(error)):
        await waiting.ask(error, "answer")

    assert waiting.pauses == []
