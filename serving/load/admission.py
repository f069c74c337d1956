"""Whether a request may come in at all: decided from its headers, before anything is spent on it."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from modelserver.errors import OverloadedError
from serving.load.deadline import Deadline
from serving.load.lane import Lane, OnRefused, Refusal


class Admission:
    """Bounds the requests with images that are under way, and the bytes of their bodies.

    Attributes:
        requests: under way.
        bytes: of their bodies, as far as they are here: what is announced may never come.
    """

    def __init__(self, *, max_requests: int, max_bytes: int, on_refused: OnRefused = lambda _: None) -> None:
        self.requests = 0
        self.bytes = 0
        self._max_requests = max_requests
        self._max_bytes = max_bytes
        self._on_refused = on_refused

    @contextlib.contextmanager
    def admit(self, lane: Lane, *, deadline: Deadline, announced_bytes: int = 0) -> Iterator[None]:
        """Hold a place for the block.

        Args:
            lane: that its images will take.
            deadline: of the request.
            announced_bytes: still to come; of a body of unknown length the most that it may have. They count
                once they are here, see `growing`.

        Raises:
            OverloadedError: there is no place, or it would wait too long in its lane.
        """
        if self.requests >= self._max_requests:
            self._on_refused(Refusal.REQUESTS)
            raise OverloadedError("too many requests are under way")
        self.refuse_without_room(announced_bytes, own=0)
        lane.check(deadline=deadline)
        self.requests += 1
        try:
            yield
        finally:
            self.requests -= 1

    @contextlib.contextmanager
    def growing(self) -> Iterator[HeldBytes]:
        """For the bytes of one request, counted as they come; held for the block."""
        held = HeldBytes(self)
        try:
            yield held
        finally:
            held.release(held.count)

    def refuse_without_room(self, count: int, *, own: int) -> None:
        """Raise OverloadedError where there is none for so many more; `own` are the asker's already."""
        # One that is larger than all room is let in alone: a limit on bodies of its own will tell.
        if self.bytes > own and self.bytes + count > self._max_bytes:
            self._on_refused(Refusal.BYTES)
            raise OverloadedError("too many bytes are under way")


class HeldBytes:
    """Those of one request.

    Attributes:
        count: held now.
    """

    def __init__(self, admission: Admission) -> None:
        self._admission = admission
        self.count = 0

    def hold(self, count: int) -> None:
        """So many more are kept from now on.

        Raises:
            OverloadedError: there is no room.
        """
        self._admission.refuse_without_room(count, own=self.count)
        self._admission.bytes += count
        self.count += count

    def release(self, count: int) -> None:
        """So many are no longer kept."""
        self._admission.bytes -= count
        self.count -= count
