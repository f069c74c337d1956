from __future__ import annotations

import contextlib
from collections.abc import Callable

import pytest

from modelserver.errors import OverloadedError
from serving.load.deadline import Deadline
from serving.load.lane import Kind, Lane, LaneLimits, Lanes
from serving.load.refusal import Refusal
from tests.serving.gateway_client import settings

PATIENT = Deadline.after(10_000)


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


class Bench:
    """A lane with a clock of its own; remembers the refusals."""

    def __init__(self, **changes: float) -> None:
        limits = {"max_images": 1000, "free_images": 4, "max_wait_seconds": 0.5} | changes
        self.clock = Clock()
        self.refusals: list[Refusal] = []
        self.pause_seconds = 0.0
        self.lane = Lane(
            LaneLimits(**limits),
            on_refused=self.refusals.append,
            pause_seconds=lambda: self.pause_seconds,
            clock=self.clock,
        )
        self._stack = contextlib.ExitStack()

    def enter(self, images: int = 1, *, deadline: Deadline = PATIENT) -> Callable[[int], None]:
        return self._stack.enter_context(self.lane.under_way(images, deadline=deadline))

    def answer_at(self, images_per_second: float, *, images: int = 200) -> None:
        """Have a request answered image by image at that rate."""
        with self.lane.under_way(1, deadline=PATIENT) as answered:
            for _ in range(images):
                self.clock.now += 1 / images_per_second
                answered(1)

    def let_in(self, most: int = 2000) -> int:
        """How many images come in one by one before one is refused."""
        for count in range(most):
            try:
                self.enter()
            except OverloadedError:
                return count
        return most


@pytest.mark.parametrize(("images_per_second", "let_in"), [(50, 26), (400, 201)])
def test_as_many_are_let_in_as_are_answered_in_the_longest_wait(images_per_second: int, let_in: int) -> None:
    bench = Bench()
    bench.answer_at(images_per_second)

    assert bench.let_in() == pytest.approx(let_in, abs=1)
    assert bench.refusals == [Refusal.WAIT]


def test_before_anything_was_answered_only_the_fixed_limit_holds() -> None:
    bench = Bench(max_images=30)

    assert bench.let_in() == 30
    assert bench.refusals == [Refusal.IMAGES]


def test_a_few_are_let_in_however_slow_it_was() -> None:
    bench = Bench(free_images=4)
    bench.answer_at(0.1, images=3)

    assert bench.let_in() == 4


def test_a_lone_request_is_let_in_however_many_images_it_brings_and_however_slow_it_was() -> None:
    bench = Bench(free_images=0)
    bench.answer_at(0.1, images=3)

    bench.enter(64, deadline=Deadline.after(1))

    assert bench.lane.images == 64


def test_what_would_be_answered_after_its_deadline_is_refused_and_the_patient_are_not() -> None:
    bench = Bench(max_wait_seconds=1000)
    bench.answer_at(1)
    bench.enter(60)

    bench.lane.check(deadline=Deadline.after(100))
    with pytest.raises(OverloadedError) as refusal:
        bench.lane.check(deadline=Deadline.after(30))

    assert bench.refusals == [Refusal.DEADLINE]
    assert refusal.value.retry_after_seconds == 30  # the longest that anybody is told to wait


def test_the_images_of_a_request_are_let_in_together_or_not_at_all() -> None:
    bench = Bench(max_wait_seconds=1000)
    bench.answer_at(1)
    bench.enter(10)

    with pytest.raises(OverloadedError):
        bench.enter(30, deadline=Deadline.after(30))

    assert bench.lane.images == 10


def test_a_model_server_that_gets_stuck_is_known_to_be_slow_before_it_answers() -> None:
    bench = Bench()
    bench.answer_at(400)
    bench.enter(20)
    bench.lane.check(deadline=PATIENT)

    bench.clock.now += 60

    with pytest.raises(OverloadedError):
        bench.lane.check(deadline=PATIENT)


def test_a_model_server_that_was_stuck_is_soon_known_to_be_quick_again() -> None:
    bench = Bench()
    bench.answer_at(400)
    with bench.lane.under_way(1, deadline=PATIENT):
        bench.clock.now += 600
    bench.answer_at(400, images=1200)  # three seconds

    assert bench.let_in() > 100


def test_a_few_are_let_in_however_soon_their_deadline() -> None:
    bench = Bench(free_images=4)
    bench.answer_at(0.1, images=3)

    bench.enter(2, deadline=Deadline.after(1))
    bench.enter(2, deadline=Deadline.after(1))

    assert bench.refusals == []


def test_idle_time_says_nothing_of_the_pace() -> None:
    bench = Bench()
    bench.answer_at(50)
    bench.clock.now += 3600

    assert bench.let_in() == pytest.approx(26, abs=1)


def test_while_all_model_servers_are_to_be_left_alone_nothing_is_let_in() -> None:
    bench = Bench()
    bench.pause_seconds = 0.4

    with pytest.raises(OverloadedError) as refusal:
        bench.lane.check(deadline=PATIENT)
    bench.pause_seconds = 0.0
    bench.lane.check(deadline=PATIENT)

    assert refusal.value.retry_after_seconds == 0.4
    assert bench.refusals == [Refusal.MODEL_SERVER]


def test_what_its_own_model_server_cannot_take_is_refused_though_others_could() -> None:
    bench = Bench()

    with pytest.raises(OverloadedError), bench.lane.under_way(1, deadline=PATIENT, pause_seconds=0.2):
        pass

    assert (bench.refusals, bench.lane.images) == ([Refusal.MODEL_SERVER], 0)


def test_the_pause_is_that_of_the_lanes_model() -> None:
    refused: list[Refusal] = []
    lanes = Lanes(settings(), on_refused=refused.append, pause_seconds={"toy": 0.3, "other": 0.0}.__getitem__)

    with pytest.raises(OverloadedError):
        lanes.of("toy", Kind.PREDICT).check(deadline=PATIENT)
    with pytest.raises(OverloadedError):
        lanes.of("toy", Kind.SHADOW).check(deadline=PATIENT)
    lanes.of("other", Kind.PREDICT).check(deadline=PATIENT)

    assert refused == [Refusal.MODEL_SERVER]  # a shadow is nobody's request


def test_explanations_have_a_limit_and_a_pace_of_their_own() -> None:
    lanes = Lanes(settings(max_explained_images=2), on_refused=lambda _: None)
    with lanes.of("toy", Kind.EXPLAIN).under_way(2, deadline=PATIENT):
        lanes.of("toy", Kind.PREDICT).check(deadline=PATIENT)
        with pytest.raises(OverloadedError):
            lanes.of("toy", Kind.EXPLAIN).check(deadline=PATIENT)
        assert lanes.images == 2
