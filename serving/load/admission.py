"""Whether a request may come in at all: decided from its headers, before anything is spent on it."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from modelserver.errors import OverloadedError
from serving.load.deadline import Deadline
from serving.load.lane import Lane
from serving.load.refusal import OnRefused, Refusal
from serving.load.shares import Shares


class Admission:
    """Bounds the requests with images that are under way, and the bytes of their bodies.

    Attributes:
        requests: under way.
        bytes: of their bodies, as far as they are here: what is announced may never come.
    """

    def __init__(
        self,
        *,
        max_requests: int,
        max_bytes: int,
        caller_share: float | None = None,
        on_refused: OnRefused = lambda _: None,
    ) -> None:
        """Nothing is under way yet; see `Shares` for the share."""
        self.requests = 0
        self.bytes = 0
        self._max_requests = max_requests
        self._max_bytes = max_bytes
        self._on_refused = on_refused
        self._requests_of = Shares(caller_share, on_refused=on_refused)
        self._bytes_of = Shares(caller_share, on_refused=on_refused)

    @contextlib.contextmanager
    def admit(
        self, lane: Lane, *, deadline: Deadline, caller: str = "", announced_bytes: int = 0
    ) -> Iterator[None]:
        """Hold a place for the block.

        Args:
            lane: that its images will take.
            deadline: of the request.
            caller: its digest; empty for anyone.
            announced_bytes: still to come; of a body of unknown length the most that it may have. They count
                once they are here, see `growing`.

        Raises:
            OverloadedError: there is no place, or it would wait too long in its lane.
            RateLimitedError: the caller has its share of them.
        """
        self._requests_of.check(caller, more=1, of=self._max_requests)
        if self.requests >= self._max_requests:
            self._on_refused(Refusal.REQUESTS)
            raise OverloadedError("too many requests are under way")
        self.refuse_without_room(announced_bytes, own=0, caller=caller)
        lane.check(deadline=deadline, caller=caller)
        self.requests += 1
        try:
            with self._requests_of.held(caller):
                yield
        finally:
            self.requests -= 1

    @contextlib.contextmanager
    def growing(self, *, caller: str = "") -> Iterator[HeldBytes]:
        """For the bytes of one request, counted as they come; held for the block."""
        held = HeldBytes(self, caller=caller)
        try:
            yield held
        finally:
            held.release(held.count)

    def refuse_without_room(self, count: int, *, own: int, caller: str) -> None:
        """Refuse so many more bytes where there is no room; `own` are the asker's already.

        Raises:
            OverloadedError: there is none.
            RateLimitedError: there is, but not for this caller.
        """
        self._bytes_of.check(caller, more=count, of=self._max_bytes, own=own)
        # One that is larger than all room is let in alone: a limit on bodies of its own will tell.
        if self.bytes > own and self.bytes + count > self._max_bytes:
            self._on_refused(Refusal.BYTES)
            raise OverloadedError("too many bytes are under way")

    def add_bytes(self, count: int, *, caller: str) -> None:
        """So many more are here, or less."""
        self.bytes += count
        self._bytes_of.add(caller, count)


class HeldBytes:
    """Those of one request.

    Attributes:
        count: held now.
        caller: whose they are: its digest; empty for anyone. May be set while nothing is held.
    """

    def __init__(self, admission: Admission, *, caller: str = "") -> None:
        self._admission = admission
        self.caller = caller
        self.count = 0

    def hold(self, count: int) -> None:
        """So many more are kept from now on.

        Raises:
            OverloadedError: there is no room.
            RateLimitedError: the caller has its share.
        """
        self._admission.refuse_without_room(count, own=self.count, caller=self.caller)
        self._admission.add_bytes(count, caller=self.caller)
        self.count += count

    def release(self, count: int) -> None:
        """So many are no longer kept."""
        self._admission.add_bytes(-count, caller=self.caller)
        self.count -= count
