from __future__ import annotations

import contextlib

from serving.fetch.byte_budget import ByteBudget


def test_what_a_failed_image_took_is_free_for_others_and_for_other_requests() -> None:
    held: list[int] = []
    budget = ByteBudget(100, hold=held.append, release=lambda count: held.append(-count))

    with contextlib.suppress(ConnectionError), budget.for_one_image() as image:
        image.take(80)
        raise ConnectionError
    with budget.for_one_image() as image:
        image.take(90)

    assert held == [80, -80, 90]
