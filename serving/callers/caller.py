"""Who is calling, as the rest of the gateway sees it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Self

from serving.callers.errors import ForbiddenError

SHOWN_DIGITS = 12  # 48 bits tell callers apart, and nobody gets from them to a key


@dataclass(frozen=True, kw_only=True)
class Rate:
    """How often a caller may ask: `burst` at once, and `requests_per_second` in the long run."""

    requests_per_second: float
    burst: int

    @classmethod
    def of(cls, requests_per_second: float | None, burst: int | None) -> Self | None:
        """None where there is no limit; a burst that is not given is what one second allows."""
        if requests_per_second is None:
            return None
        return cls(
            requests_per_second=requests_per_second, burst=burst or max(1, math.ceil(requests_per_second))
        )


@dataclass(frozen=True, kw_only=True)
class Caller:
    """One caller.

    Attributes:
        digest: `key:` or `sub:` and the first SHOWN_DIGITS hex digits of the SHA-256 of its key, or of its
            token's subject: what logs and labels call it. Empty for anyone.
        models: the only ones it may use; None for all.
        rate: how often it may ask; None for no limit.
    """

    digest: str
    models: frozenset[str] | None = None
    rate: Rate | None = None

    def may_use(self, model: str) -> bool:
        """Whether this model is one of its own."""
        return self.models is None or model in self.models

    def require(self, model: str) -> None:
        """Let nobody but those who may use the model pass.

        Raises:
            ForbiddenError: it may not, whether or not there is such a model.
        """
        if not self.may_use(model):
            raise ForbiddenError("this key may not use that model")


ANYONE = Caller(digest="")
