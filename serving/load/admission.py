"""Whether a request may come in at all: decided from its headers, before anything is spent on it."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator

from modelserver.errors import OverloadedError
from serving.load.deadline import Deadline
from serving.load.lane import Lane, OnRefused, Refusal


class Admission:
    """Bounds the requests with images that are under way, and the bytes of their bodies.

    Attributes:
        requests: under way.
        bytes: of their bodies, as far as they are known.
    """

    def __init__(self, *, max_requests: int, max_bytes: int, on_refused: OnRefused = lambda _: None) -> None:
        self.requests = 0
        self.bytes = 0
        self._max_requests = max_requests
        self._max_bytes = max_bytes
        self._on_refused = on_refused

    @contextlib.contextmanager
    def admit(self, lane: Lane, *, body_bytes: int, deadline: Deadline) -> Iterator[None]:
        """Hold a place for the block.

        Args:
            lane: that its images will take.
            body_bytes: as announced; of a body of unknown length the most that it may have.
            deadline: of the request.

        Raises:
            OverloadedError: there is no place, or it would wait too long in its lane.
        """
        if self.requests >= self._max_requests:
            self._on_refused(Refusal.REQUESTS)
            raise OverloadedError("too many requests are under way")
        # One that is larger than all room is let in alone: a limit on bodies of its own will tell.
        if self.requests and self.bytes + body_bytes > self._max_bytes:
            self._on_refused(Refusal.BYTES)
            raise OverloadedError("too many bytes are under way")
        lane.check(deadline=deadline)
        self.requests += 1
        self.bytes += body_bytes
        try:
            yield
        finally:
            self.requests -= 1
            self.bytes -= body_bytes

    @contextlib.contextmanager
    def growing(self) -> Iterator[Callable[[int], None]]:
        """For what an admitted request fetches itself, whose size nobody knows before; held for the block.

        Gives what is to be called with the bytes about to be kept.

        Raises:
            OverloadedError: by that call, where there is no room.
        """
        held = 0

        def hold(count: int) -> None:
            nonlocal held
            if self.bytes + count > self._max_bytes:
                raise OverloadedError("too many bytes are under way")
            self.bytes += count
            held += count

        try:
            yield hold
        finally:
            self.bytes -= held
