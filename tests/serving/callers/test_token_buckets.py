"""Token buckets: a burst, then a steady rate; few enough of them to be kept."""

from __future__ import annotations

import pytest

from serving.callers.caller import Rate
from serving.callers.token_buckets import TokenBuckets
from tests.clock import Clock

RATE = Rate(requests_per_second=2, burst=3)


def test_after_a_burst_the_rate_holds() -> None:
    clock = Clock()
    buckets = TokenBuckets(clock=clock)
    burst = [buckets.take("a", RATE) for _ in range(4)]
    clock.turn(0.5)
    later = [buckets.take("a", RATE) for _ in range(2)]

    assert burst == [0, 0, 0, 0.5]
    assert later == [0, 0.5]


def test_in_the_long_run_no_more_pass_than_the_rate_allows() -> None:
    clock = Clock()
    buckets = TokenBuckets(clock=clock)
    passed = 0
    for _ in range(1000):
        passed += buckets.take("a", RATE) == 0
        clock.turn(0.1)

    assert passed == pytest.approx(3 + 2 * 100, abs=1)


def test_a_long_pause_gains_no_more_than_a_burst() -> None:
    clock = Clock()
    buckets = TokenBuckets(clock=clock)
    buckets.take("a", RATE)
    clock.turn(1_000_000)

    assert [buckets.take("a", RATE) for _ in range(4)] == [0, 0, 0, 0.5]


def test_callers_do_not_spend_each_others_tokens() -> None:
    buckets = TokenBuckets(clock=Clock())
    for _ in range(3):
        buckets.take("a", RATE)

    assert (buckets.take("a", RATE), buckets.take("b", RATE)) == (0.5, 0)


def test_a_rate_that_is_lowered_holds_at_once() -> None:
    buckets = TokenBuckets(clock=Clock())
    buckets.take("a", Rate(requests_per_second=100, burst=100))
    low = Rate(requests_per_second=1, burst=1)

    assert [buckets.take("a", low) for _ in range(2)] == [0, 1]


def test_however_many_callers_come_only_so_many_are_remembered_the_latest() -> None:
    buckets = TokenBuckets(max_callers=100, clock=Clock())
    spent = Rate(requests_per_second=1, burst=1)
    for number in range(10_000):
        buckets.take(str(number), spent)

    assert len(buckets._buckets) == 100
    assert buckets.take("9999", spent) == 1
