"""Which load to work at, and the settings that follow. Sums alone, nothing is measured here.

The gateway keeps at most k calls under way and sends together what has gathered when one returns. Where
batches of b keep it busy, k·b images are in calls and up to b gather for the next one. An image that comes
then waits for the next call to return, C / k on average for calls of C seconds, and then for its own call:
(1 + 1/k) · C in all. Little's law gives the same: (k + 1) · b images under way, k · b / C answered a second.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from tuning.errors import LatencyTooStrictError
from tuning.measurement import Measurement

# Of what was measured, the share to plan with: bursts, a pod that is missing, a measurement that was lucky.
USED_SHARE = 0.7
# Of one gateway: what MIWAKE_MAX_REQUESTS_IN_FLIGHT is by default.
MAX_REQUESTS_IN_FLIGHT = 1024
# Throughputs this near to each other are the same; the quicker one is taken.
_SAME = 0.97


def expected_seconds(measurement: Measurement) -> float:
    """That 99 in 100 images take from the queue to their answer, decoding not counted."""
    return (1 + 1 / measurement.load.calls_in_flight) * measurement.p99_seconds


def choose(measurements: Sequence[Measurement], *, latency_seconds: float) -> Measurement:
    """The measurement with the most images a second of those within the latency; of equals the quickest.

    Raises:
        LatencyTooStrictError: there is none.
    """
    fitting = [each for each in measurements if expected_seconds(each) <= latency_seconds]
    if not fitting:
        best = min(map(expected_seconds, measurements))
        raise LatencyTooStrictError(
            f"no load is answered within {latency_seconds:g} s; the lightest takes {best:.3g} s"
        )
    most = max(each.images_per_second for each in fitting)
    return min(
        (each for each in fitting if each.images_per_second >= _SAME * most),
        key=expected_seconds,
    )


@dataclass(frozen=True, kw_only=True)
class Plan:
    """Settings for a working point.

    Attributes:
        point: the measurement to work at.
        latency_seconds: that it was chosen for.
        max_batch_size: the model's. TensorFlow Serving must take it, though batches are seldom as large.
        gateways: that share one model server.
    """

    point: Measurement
    latency_seconds: float
    max_batch_size: int
    gateways: int

    @property
    def batch_threads(self) -> int:
        """Batches that the model server works on at once."""
        return self.point.load.calls_in_flight

    @property
    def calls_in_flight(self) -> int:
        """Of one gateway on one model server."""
        return math.ceil(self.point.load.calls_in_flight / self.gateways)

    @property
    def images_under_way(self) -> int:
        """At one model server and in the queues before it, when it is busy and no more than busy."""
        return (self.point.load.calls_in_flight + 1) * self.point.load.batch_size

    @property
    def max_wait_seconds(self) -> float:
        """After which a gateway refuses: what the latency leaves for waiting, at least a busy one's queue."""
        busy = self.images_under_way / self.point.images_per_second
        return max(busy, self.latency_seconds - self.point.p99_seconds)

    @property
    def free_images(self) -> int:
        """That a gateway lets in before it knows a pace: its part of one batch."""
        return max(1, self.point.load.batch_size // self.gateways)

    @property
    def requests_in_flight(self) -> int:
        """Of one image each, in one gateway: beyond it another one should be started.

        By Little's law a model server holds, with its queues, its pace times the latency while answers still
        come within it.
        """
        within = max(self.images_under_way, self.point.images_per_second * self.latency_seconds)
        return max(1, math.floor(USED_SHARE * min(MAX_REQUESTS_IN_FLIGHT, within / self.gateways)))

    def model_servers(self, images_per_second: float) -> int:
        """How many it takes for such a load."""
        return math.ceil(images_per_second / (USED_SHARE * self.point.images_per_second))
