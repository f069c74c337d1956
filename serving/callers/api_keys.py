"""Checking an API key against the digests on file."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable
from datetime import UTC, datetime

from serving.callers.caller import Caller
from serving.callers.errors import UnauthenticatedError
from serving.callers.keys_file import Key
from serving.watched_file import WatchedFile


def utc_now() -> datetime:
    """What `expires` is compared with."""
    return datetime.now(UTC)


def key_digest(secret: str) -> bytes:
    """SHA-256. A plain one will do: a key is 256 random bits, not a password that can be guessed."""
    return hashlib.sha256(secret.encode()).digest()


class ApiKeys:
    """The keys of a file that may change."""

    def __init__(self, file: WatchedFile[tuple[Key, ...]], *, now: Callable[[], datetime] = utc_now) -> None:
        self._file = file
        self._now = now

    def caller(self, secret: str) -> Caller:
        """Whose key this is.

        Raises:
            UnauthenticatedError: nobody's, or its time is over.
        """
        key = _find(self._file.current(), key_digest(secret))
        if key is None:
            raise UnauthenticatedError("the key is not known")
        if key.has_expired(self._now()):
            raise UnauthenticatedError("the key has expired")
        return key.caller


def _find(keys: tuple[Key, ...], digest: bytes) -> Key | None:
    """Compared with every key, each in constant time: how long it takes tells nothing of any."""
    found = None
    for key in keys:
        if hmac.compare_digest(key.digest, digest):
            found = key
    return found
