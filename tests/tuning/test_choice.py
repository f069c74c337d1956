"""The sums of `miwake tune`, on figures written by hand."""

from __future__ import annotations

import pytest

from tests.tuning.measurements import measured
from tuning.choice import Plan, choose, expected_seconds
from tuning.errors import LatencyTooStrictError

LONE = measured(1, 1, images_per_second=50, p99=0.02)
FULL = measured(32, 1, images_per_second=320, p99=0.1)
TWICE = measured(32, 2, images_per_second=480, p99=0.14)
CROWDED = measured(32, 8, images_per_second=490, p99=0.6)


@pytest.mark.parametrize(("one", "seconds"), [(LONE, 0.04), (FULL, 0.2), (TWICE, 0.21), (CROWDED, 0.675)])
def test_an_image_waits_for_a_call_to_return_and_then_for_its_own(one, seconds: float) -> None:
    assert expected_seconds(one) == pytest.approx(seconds)


def test_the_most_images_within_the_latency_are_chosen() -> None:
    assert choose([LONE, FULL, TWICE, CROWDED], latency_seconds=0.2) is FULL
    assert choose([LONE, FULL, TWICE, CROWDED], latency_seconds=0.05) is LONE


def test_of_nearly_as_many_images_the_quickest_are_chosen() -> None:
    assert choose([LONE, FULL, TWICE, CROWDED], latency_seconds=5) is TWICE


def test_a_latency_that_nothing_keeps_is_refused_with_the_best_there_was() -> None:
    with pytest.raises(LatencyTooStrictError, match=r"within 0\.01 s; the lightest takes 0\.04 s"):
        choose([LONE, FULL], latency_seconds=0.01)


def test_a_plan_for_one_gateway_uses_what_was_measured() -> None:
    plan = Plan(point=TWICE, latency_seconds=0.2, max_batch_size=64, gateways=1)

    assert plan.batch_threads == 2
    assert plan.calls_in_flight == 2
    assert plan.images_under_way == 96
    assert plan.max_wait_seconds == pytest.approx(0.2)
    assert plan.requests_in_flight == 67


def test_a_latency_with_room_to_wait_is_waited_for() -> None:
    plan = Plan(point=TWICE, latency_seconds=5, max_batch_size=64, gateways=1)

    assert plan.max_wait_seconds == pytest.approx(5 - 0.14)


def test_a_gateway_holds_what_is_answered_within_the_latency_and_no_more_than_it_lets_in() -> None:
    plan = Plan(point=LONE, latency_seconds=1, max_batch_size=32, gateways=1)
    patient = Plan(point=TWICE, latency_seconds=5, max_batch_size=64, gateways=1)

    assert plan.requests_in_flight == 35  # 0.7 · 50 · 1
    assert patient.requests_in_flight == 716  # not 0.7 · 480 · 5


def test_gateways_share_calls_and_images_but_each_waits_as_long() -> None:
    plan = Plan(point=TWICE, latency_seconds=0.2, max_batch_size=64, gateways=4)

    assert plan.batch_threads == 2
    assert plan.calls_in_flight == 1
    assert plan.max_wait_seconds == pytest.approx(0.2)
    assert plan.free_images == 8
    assert plan.requests_in_flight == 16


def test_so_many_gateways_that_none_would_have_an_image_have_one_each() -> None:
    plan = Plan(point=LONE, latency_seconds=0.2, max_batch_size=1, gateways=10)

    assert (plan.calls_in_flight, plan.free_images, plan.requests_in_flight) == (1, 1, 1)


def test_model_servers_are_counted_with_room_for_bursts() -> None:
    plan = Plan(point=FULL, latency_seconds=0.2, max_batch_size=32, gateways=1)

    assert plan.model_servers(224) == 1
    assert plan.model_servers(225) == 2
    assert plan.model_servers(1000) == 5
