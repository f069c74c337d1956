from __future__ import annotations

import pytest

from serving.load.pause import Pause


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def test_at_first_there_is_none() -> None:
    assert Pause(clock=Clock()).seconds == 0


def test_it_is_twice_as_long_each_time() -> None:
    clock = Clock()
    pause, lengths = Pause(clock=clock), []
    for _ in range(6):
        pause.begin()
        lengths.append(pause.seconds)
        clock.now += lengths[-1]
        assert pause.seconds == 0

    assert lengths == pytest.approx([0.1, 0.2, 0.4, 0.8, 1.6, 1.6])


def test_an_answer_makes_the_next_one_short_again() -> None:
    clock = Clock()
    pause = Pause(clock=clock)
    pause.begin()
    clock.now += 1
    pause.begin()
    pause.answered()
    assert pause.seconds == pytest.approx(0.2)  # one that was sent before does not end it
    clock.now += 1

    pause.begin()

    assert pause.seconds == pytest.approx(0.1)


def test_refusals_of_one_moment_count_as_one() -> None:
    pause = Pause(clock=Clock())
    for _ in range(5):
        pause.begin()

    assert pause.seconds == pytest.approx(0.1)
