from __future__ import annotations

import asyncio
import contextlib
import itertools
import threading
import time
from collections.abc import Iterator

from PIL import Image
from prometheus_client import CollectorRegistry

from contract.image_spec import ImageSpec
from serving.load.decode_pool import DecodePool
from serving.telemetry.metrics import Metrics
from tests.pictures import encoded

SPEC = ImageSpec(height=8, width=8)


class Gate:
    """In place of the pool's pixel budget: holds every decode until it is opened, and counts them."""

    def __init__(self) -> None:
        self.begun = 0
        self.open = threading.Event()

    @contextlib.contextmanager
    def admit(self, _pixels: int) -> Iterator[None]:
        self.begun += 1
        assert self.open.wait(10)
        yield


async def test_pictures_whose_requests_are_cancelled_before_their_turn_are_never_decoded() -> None:
    pool = DecodePool(threads=1, max_image_pixels=10_000, metrics=Metrics(CollectorRegistry()))
    gate = Gate()
    pool._budget = gate  # type: ignore[assignment]
    tasks = [asyncio.create_task(pool.decode(encoded(), SPEC)) for _ in range(5)]
    async with asyncio.timeout(10):
        while not gate.begun:
            await asyncio.sleep(0.001)
    for task in tasks[1:4]:
        task.cancel()
    await asyncio.wait(tasks[1:4])
    gate.open.set()
    await asyncio.gather(*tasks, return_exceptions=True)
    pool.close()

    assert gate.begun == 2
    assert (await tasks[4]).shape == (8, 8, 3)


async def test_while_a_large_picture_is_decoded_the_event_loop_goes_on() -> None:
    pool = DecodePool(threads=1, max_image_pixels=20_000_000, metrics=Metrics(CollectorRegistry()))
    large = encoded(Image.new("RGB", (4000, 4000)))
    turns = [time.perf_counter()]
    decoding = asyncio.create_task(pool.decode(large, SPEC))
    while not decoding.done():
        await asyncio.sleep(0.001)
        turns.append(time.perf_counter())
    pool.close()

    longest = max(after - before for before, after in itertools.pairwise(turns))
    assert len(turns) > 20
    assert longest < (turns[-1] - turns[0]) / 2
