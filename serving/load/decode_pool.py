"""Decoding off the event loop, in threads: Pillow releases the interpreter lock while it works."""

from __future__ import annotations

import asyncio
import contextvars
from concurrent.futures import ThreadPoolExecutor

from contract.image import Pixels, decode
from contract.image_spec import ImageSpec
from serving.load.pixel_budget import PixelBudget
from serving.telemetry.metrics import Metrics, Stage


class DecodePool:
    """A fixed number of threads that turn bytes into pixels."""

    def __init__(self, *, threads: int, max_image_pixels: int, metrics: Metrics) -> None:
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix="decode")
        self._max_image_pixels = max_image_pixels
        # One picture of the largest size at a time; thousands of ordinary ones.
        self._budget = PixelBudget(max_image_pixels)
        self._metrics = metrics

    async def decode(self, image_bytes: bytes, spec: ImageSpec) -> Pixels:
        """Decode one image; one whose caller is cancelled before its turn never is.

        Returns:
            uint8 [spec.height, spec.width, 3].

        Raises:
            ImageError: see contract.image.decode.
        """
        loop = asyncio.get_running_loop()
        run = contextvars.copy_context().run  # what the request's record sees, it sees in the thread too
        return await loop.run_in_executor(self._threads, run, self._decode, image_bytes, spec)

    def _decode(self, image_bytes: bytes, spec: ImageSpec) -> Pixels:
        with self._metrics.stage(Stage.DECODE):
            return decode(image_bytes, spec, max_pixels=self._max_image_pixels, admit=self._budget.admit)

    def close(self) -> None:
        """End the threads once their present image is done."""
        self._threads.shutdown(wait=True, cancel_futures=True)
