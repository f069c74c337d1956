from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

from serving.load.pixel_budget import PixelBudget


class Meter:
    """Counts the pixels inside at once."""

    def __init__(self, budget: PixelBudget) -> None:
        self._budget = budget
        self._lock = threading.Lock()
        self.now = self.most = 0

    def hold(self, pixels: int) -> None:
        with self._budget.admit(pixels):
            with self._lock:
                self.now += pixels
                self.most = max(self.most, self.now)
            threading.Event().wait(0.002)
            with self._lock:
                self.now -= pixels


def test_pictures_decoded_side_by_side_stay_within_the_budget() -> None:
    meter = Meter(PixelBudget(100))

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(meter.hold, [60, 30, 50, 10, 90, 100, 5, 5] * 10))

    assert 60 < meter.most <= 100
    assert meter.now == 0


def test_a_picture_larger_than_the_budget_is_let_in_alone() -> None:
    meter = Meter(PixelBudget(100))

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(meter.hold, [150, 10] * 8))

    assert meter.most == 150
