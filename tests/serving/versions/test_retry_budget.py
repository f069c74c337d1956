from __future__ import annotations

from serving.versions.retry_budget import RetryBudget


def test_retries_are_at_most_their_share_of_the_requests() -> None:
    budget = RetryBudget(share=0.1, most=10)
    taken = 0
    for _ in range(1_000):
        budget.paid_in()
        taken += budget.take()

    assert 100 <= taken <= 110


def test_a_calm_time_saves_up_for_a_bad_moment_but_not_without_end() -> None:
    budget = RetryBudget(share=1, most=3)
    for _ in range(100):
        budget.paid_in()

    assert [budget.take() for _ in range(5)] == [True, True, True, False, False]


def test_no_share_means_no_retry() -> None:
    assert not RetryBudget(share=0).take()
