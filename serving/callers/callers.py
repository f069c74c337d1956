"""The one entry for every port: who is calling, and may it ask again already."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Self

from prometheus_client import CollectorRegistry

from serving.callers.api_keys import ApiKeys
from serving.callers.caller import ANYONE, Caller, Rate
from serving.callers.caller_metrics import CallerMetrics
from serving.callers.credential import read_credential
from serving.callers.errors import RateLimitedError, UnauthenticatedError
from serving.callers.keys_file import parse_keys
from serving.callers.token_buckets import TokenBuckets
from serving.settings import Settings
from serving.watched_file import WatchedFile

if TYPE_CHECKING:
    from serving.callers.tokens import Tokens


class Callers:
    """Everybody who may call; anyone, where neither keys nor tokens are set.

    For one event loop, like all of the gateway.
    """

    def __init__(
        self,
        *,
        keys: ApiKeys | None = None,
        tokens: Tokens | None = None,
        rate: Rate | None = None,
        buckets: TokenBuckets | None = None,
        metrics: CallerMetrics | None = None,
    ) -> None:
        """Take the parts.

        Args:
            keys: who has a key.
            tokens: who has a token.
            rate: of callers that have none of their own.
            buckets: what their rates are kept in.
            metrics: told of each request that is spent.
        """
        self._keys = keys
        self._tokens = tokens
        self._rate = rate
        self._buckets = buckets or TokenBuckets()
        self._metrics = metrics

    @classmethod
    def of(cls, settings: Settings, *, registry: CollectorRegistry) -> Self:
        """As deployed.

        Raises:
            WatchedFileError: a file is missing or broken.
        """
        return cls(
            keys=ApiKeys(WatchedFile(settings.keys_file, parse_keys)) if settings.keys_file else None,
            tokens=_tokens(settings),
            rate=Rate.of(settings.caller_requests_per_second, settings.caller_burst),
            metrics=CallerMetrics(registry),
        )

    @property
    def are_known(self) -> bool:
        """Whether a caller must say who it is."""
        return self._keys is not None or self._tokens is not None

    def authenticate(self, headers: Mapping[str, str]) -> Caller:
        """Who sends these headers; their names in any case (see `credential.joined` for repeated ones).

        Raises:
            UnauthenticatedError: nobody known.
        """
        if not self.are_known:
            return ANYONE
        credential = read_credential(headers)
        if credential.is_token and self._tokens is not None:
            caller = self._tokens.caller(credential.secret)
        elif self._keys is not None:
            caller = self._keys.caller(credential.secret)
        else:
            raise UnauthenticatedError("only tokens are accepted, as Authorization: Bearer")
        return caller if caller.rate else dataclasses.replace(caller, rate=self._rate)

    def spend(self, caller: Caller) -> None:
        """Count one request.

        Raises:
            RateLimitedError: there have been too many of late.
        """
        seconds = self._buckets.take(caller.digest, caller.rate) if caller.rate else 0.0
        if self._metrics is not None and caller is not ANYONE:
            self._metrics.count(caller.digest, "rate_limited" if seconds else "admitted")
        if caller.rate is not None and seconds > 0:
            raise RateLimitedError(
                f"more than {caller.rate.requests_per_second:g} requests a second",
                retry_after_seconds=math.ceil(seconds),
            )


def _tokens(settings: Settings) -> Tokens | None:
    if settings.jwks_file is None:
        return None
    # Cryptography takes 0.1 s and 9 MB: only where it is used.
    from serving.callers.tokens import Tokens, parse_key_set  # noqa: PLC0415

    file = WatchedFile(settings.jwks_file, parse_key_set)
    return Tokens(file, issuer=settings.jwt_issuer, audience=settings.jwt_audience)
