"""What a caller is told who may not. No text holds any part of what was presented."""

from __future__ import annotations

from contract.errors import MiwakeError


class UnauthenticatedError(MiwakeError):
    """Nothing, or nothing valid, says who is calling."""

    code = "unauthenticated"


class ForbiddenError(MiwakeError):
    """The caller is known and may not do this."""

    code = "forbidden"


class RateLimitedError(MiwakeError):
    """The caller asks more often than it may."""

    code = "rate_limited"

    def __init__(self, text: str, *, retry_after_seconds: int) -> None:
        super().__init__(text)
        self.retry_after_seconds = retry_after_seconds
