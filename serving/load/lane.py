"""The images on their way to one model's answers, and how long one more would wait.

Little's law (Little 1961): what is under way, divided by the rate at which it leaves, is how long the last
of it stays. Both are known here at any moment, so a request that would wait too long is refused at once, by
its headers alone, and the queue is bounded in time however fast or slow the model server is. A queue
bounded in images would be too long for a slow one and too short for a fast one.
"""

from __future__ import annotations

import contextlib
import functools
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum

from modelserver.errors import OverloadedError
from serving.errors import BodyTooLargeError
from serving.load.answer_rate import AnswerRate
from serving.load.deadline import Deadline
from serving.load.refusal import OnRefused, Refusal
from serving.load.shares import Shares
from serving.settings import Settings

_LONGEST_RETRY_SECONDS = 30.0


class Kind(StrEnum):
    """What is asked of a model; each has a speed of its own."""

    PREDICT = "predict"
    EXPLAIN = "explain"
    EMBED = "embed"
    SHADOW = "shadow"  # predictions off the request's path: their trouble must not be the others'


@dataclass(frozen=True, kw_only=True)
class LaneLimits:
    """What may be under way.

    Attributes:
        max_images: however fast they are answered.
        free_images: however slowly: a rate seen where only one or two were under way says too little of what
            many would do, which go together.
        max_wait_seconds: for those before it.
        caller_share: of what may be under way, for each caller; None for all of it.
    """

    max_images: int
    free_images: int
    max_wait_seconds: float
    caller_share: float | None = None

    def places(self, rate: float | None) -> float:
        """Images that may be under way while so many are answered in a second; None before the first."""
        if rate is None:
            return self.max_images
        return min(self.max_images, max(self.free_images, rate * self.max_wait_seconds))


class Lane:
    """Counts the images of one model and one kind that were let in and are not answered.

    Attributes:
        images: under way, from the end of their body to their answer.
    """

    def __init__(
        self,
        limits: LaneLimits,
        *,
        on_refused: OnRefused,
        pause_seconds: Callable[[], float] = lambda: 0.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Nothing is under way yet.

        Args:
            limits: of this lane.
            on_refused: told of each refusal.
            pause_seconds: for how long every model server that could answer is to be left alone.
            clock: in seconds.
        """
        self.images = 0
        self._limits = limits
        self._on_refused = on_refused
        self._shares = Shares(limits.caller_share, on_refused=on_refused)
        self._rate = AnswerRate(clock=clock)
        self._pause_seconds = pause_seconds

    def check(
        self, *, deadline: Deadline, caller: str = "", images: int = 1, pause_seconds: float = 0.0
    ) -> None:
        """Refuse what would wait too long; whoever comes while nothing is under way would not.

        Args:
            deadline: of the request.
            caller: its digest; empty for anyone.
            images: that it brings, where that is known.
            pause_seconds: of the model server chosen for it, where that is known.

        Raises:
            OverloadedError: with the time after which it would be let in.
            RateLimitedError: the caller has its share.
            BodyTooLargeError: it brings more images than may ever be under way.
        """
        limits, rate = self._limits, self._rate.per_second
        if images > limits.max_images:
            raise BodyTooLargeError(f"more than {limits.max_images} images")
        pause_seconds = pause_seconds or self._pause_seconds()
        if pause_seconds > 0:
            self._refuse(Refusal.MODEL_SERVER, "the model server is overloaded", pause_seconds)
        if not self.images:
            return
        own_wait = _seconds(images, rate)
        self._shares.check(caller, more=images, of=limits.places(rate), retry_after_seconds=own_wait)
        if self.images + images > limits.max_images:
            self._refuse(Refusal.IMAGES, "too many images are under way", _seconds(self.images, rate))
        if rate is None or self.images < limits.free_images:
            return
        wait_seconds = self.images / rate
        if wait_seconds > limits.max_wait_seconds:
            text = f"images already wait for longer than {limits.max_wait_seconds:g} s"
            self._refuse(Refusal.WAIT, text, wait_seconds - limits.max_wait_seconds)
        if wait_seconds + images / rate > deadline.remaining_seconds():
            self._refuse(Refusal.DEADLINE, "the answer would come after the deadline", wait_seconds)

    @contextlib.contextmanager
    def under_way(
        self, images: int, *, deadline: Deadline, caller: str = "", pause_seconds: float = 0.0
    ) -> Iterator[Callable[[int], None]]:
        """Let all images of a request in, or none; held for the block, which is told how to count answers.

        Raises:
            MiwakeError: see `check`.
        """
        self.check(deadline=deadline, caller=caller, images=images, pause_seconds=pause_seconds)
        if not self.images:
            self._rate.work_begins()
        self.images += images
        try:
            with self._shares.held(caller, images):
                yield self._rate.answered
        finally:
            self.images -= images
            if not self.images:
                self._rate.work_ends()

    def _refuse(self, why: Refusal, text: str, retry_after_seconds: float) -> None:
        self._on_refused(why)
        raise OverloadedError(text, retry_after_seconds=min(retry_after_seconds, _LONGEST_RETRY_SECONDS))


def _seconds(images: int, rate: float | None) -> float:
    return images / rate if rate else 1.0


def _nobody_asked(_why: Refusal) -> None:
    """A shadow request that is not let in was no client's."""


class Lanes:
    """A lane for each model and kind: the pace of one tells nothing of another's."""

    def __init__(
        self,
        settings: Settings,
        *,
        on_refused: OnRefused,
        pause_seconds: Callable[[str], float] = lambda _model: 0.0,
    ) -> None:
        """Make lanes as they are asked for; see `Lane`, whose `pause_seconds` is that of its model."""
        self._settings = settings
        self._on_refused = on_refused
        self._pause_seconds = pause_seconds
        self._lanes: dict[tuple[str, Kind], Lane] = {}

    def of(self, model: str, kind: Kind) -> Lane:
        """The lane of a model that is known to exist."""
        key = (model, kind)
        if key not in self._lanes:
            on_refused = _nobody_asked if kind is Kind.SHADOW else self._on_refused
            self._lanes[key] = Lane(
                self._limits(kind),
                on_refused=on_refused,
                pause_seconds=functools.partial(self._pause_seconds, model),
            )
        return self._lanes[key]

    @property
    def images(self) -> int:
        """Under way in all of them."""
        return sum(lane.images for lane in self._lanes.values())

    def _limits(self, kind: Kind) -> LaneLimits:
        settings = self._settings
        max_images = {
            Kind.EXPLAIN: settings.max_explained_images,
            Kind.EMBED: settings.max_embedded_images,
        }.get(kind, settings.max_predicted_images)
        return LaneLimits(
            max_images=max_images,
            free_images=settings.free_images,
            max_wait_seconds=settings.max_wait_seconds,
            caller_share=settings.caller_share,
        )
