from __future__ import annotations

import contextlib
from collections.abc import Callable

import pytest

from modelserver.errors import OverloadedError
from serving.load.deadline import Deadline
from serving.load.lane import Kind, Lane, LaneLimits, Lanes, Refusal
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
        self.lane = Lane(LaneLimits(**limits), on_refused=self.refusals.append, clock=self.clock)
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


def test_idle_time_says_nothing_of_the_pace() -> None:
    bench = Bench()
    bench.answer_at(50)
    bench.clock.now += 3600

    assert bench.let_in() == pytest.approx(26, abs=1)


def overload(bench: Bench) -> None:
    with contextlib.suppress(OverloadedError), bench.lane.under_way(1, deadline=PATIENT):
        raise OverloadedError("Threadpool Exhausted")


def pause_seconds(bench: Bench) -> float:
    with pytest.raises(OverloadedError) as refusal:
        bench.lane.check(deadline=PATIENT)
    return refusal.value.retry_after_seconds


def test_after_the_model_server_refused_nothing_is_sent_for_a_moment_and_longer_each_time() -> None:
    bench = Bench()
    pauses = []
    for _ in range(6):
        overload(bench)
        pauses.append(pause_seconds(bench))
        bench.clock.now += pauses[-1]
        bench.lane.check(deadline=PATIENT)

    assert pauses == pytest.approx([0.1, 0.2, 0.4, 0.8, 1.6, 1.6])
    assert set(bench.refusals) == {Refusal.MODEL_SERVER}


def test_an_answer_makes_the_next_pause_short_again() -> None:
    bench = Bench()
    overload(bench)
    bench.clock.now += 1
    overload(bench)
    bench.clock.now += 1
    bench.answer_at(50)

    overload(bench)

    assert pause_seconds(bench) == pytest.approx(0.1)


def test_refusals_of_one_moment_count_as_one() -> None:
    bench = Bench()
    with contextlib.ExitStack() as stack:
        for _ in range(5):
            stack.enter_context(contextlib.suppress(OverloadedError))
            stack.enter_context(bench.lane.under_way(1, deadline=PATIENT))
        raise OverloadedError("Threadpool Exhausted")

    assert pause_seconds(bench) == pytest.approx(0.1)


def test_a_shadow_that_is_overloaded_does_not_stop_live_requests() -> None:
    refused: list[Refusal] = []
    lanes = Lanes(settings(), on_refused=refused.append)
    with pytest.raises(OverloadedError), lanes.of("toy", Kind.SHADOW).under_way(1, deadline=PATIENT):
        raise OverloadedError("Threadpool Exhausted")
    with pytest.raises(OverloadedError):
        lanes.of("toy", Kind.SHADOW).check(deadline=PATIENT)

    lanes.of("toy", Kind.PREDICT).check(deadline=PATIENT)

    assert refused == []


def test_explanations_have_a_limit_and_a_pace_of_their_own() -> None:
    lanes = Lanes(settings(max_explained_images=2), on_refused=lambda _: None)
    with lanes.of("toy", Kind.EXPLAIN).under_way(2, deadline=PATIENT):
        lanes.of("toy", Kind.PREDICT).check(deadline=PATIENT)
        with pytest.raises(OverloadedError):
            lanes.of("toy", Kind.EXPLAIN).check(deadline=PATIENT)
        assert lanes.images == 2
