"""Checking a JSON Web Token against a key set on file (RFC 7519, RFC 7517). Imported where one is set."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from typing import Any

import jwt

from serving.callers.caller import SHOWN_DIGITS, Caller, Rate
from serving.callers.errors import UnauthenticatedError
from serving.watched_file import WatchedFile

ALGORITHMS = frozenset({"RS256", "ES256", "EdDSA"})
LEEWAY_SECONDS = 10
_CLAIMS = ["exp", "iss", "aud", "sub"]
_NOT_ACCEPTED = "the token is not accepted"

# By key id and algorithm: a key answers for its own algorithm alone, whatever a token's header says.
KeySet = Mapping[tuple[str, str], jwt.PyJWK]


class Tokens:
    """Tokens of one issuer for one audience."""

    def __init__(
        self, file: WatchedFile[KeySet], *, issuer: str, audience: str, rate: Rate | None = None
    ) -> None:
        self._file = file
        self._issuer = issuer
        self._audience = audience
        self._rate = rate
        self._verifier = jwt.PyJWT(options={"require": _CLAIMS, "enforce_minimum_key_length": True})

    def caller(self, token: str) -> Caller:
        """Whose token this is: its `sub`.

        Raises:
            UnauthenticatedError: not signed by a key of the set, not meant for this gateway, or expired.
        """
        try:
            subject = self._claims(token)["sub"]
        except jwt.ExpiredSignatureError as exc:
            raise UnauthenticatedError("the token has expired") from exc
        # The library lets a few errors of a claim's value through as they are: that of an infinite `exp`.
        except (jwt.PyJWTError, ValueError, OverflowError, RecursionError) as exc:
            raise UnauthenticatedError(_NOT_ACCEPTED) from exc
        if not subject:
            raise UnauthenticatedError(_NOT_ACCEPTED)
        return Caller(digest=_shown(subject), rate=self._rate)

    def _claims(self, token: str) -> dict[str, Any]:
        header = jwt.get_unverified_header(token)
        wanted = str(header.get("kid")), str(header.get("alg"))
        key = self._file.current().get(wanted)
        if key is None:
            raise UnauthenticatedError("the token is signed by a key that is not known")
        return self._verifier.decode(
            token,
            key,
            algorithms=[key.algorithm_name],
            issuer=self._issuer,
            audience=self._audience,
            leeway=LEEWAY_SECONDS,
        )


def parse_key_set(data: bytes) -> KeySet:
    """The keys of a JWKS document that can check a token; others are passed over.

    Raises:
        ValueError: it is not such a document, or none of its keys can.
    """
    try:
        document = json.loads(data)
    except RecursionError as exc:
        raise ValueError("nested too deeply") from exc
    entries = document.get("keys") if isinstance(document, dict) else None
    if not isinstance(entries, list):
        raise ValueError("not a JWKS document: an object with a list of keys")  # noqa: TRY004 - one error for the file
    keys = {(str(key.key_id), str(key.algorithm_name)): key for key in _usable(entries)}
    if not keys:
        raise ValueError(f"no public signing key with a kid for one of {', '.join(sorted(ALGORITHMS))}")
    return keys


def _usable(entries: list[Any]) -> Iterator[jwt.PyJWK]:
    for entry in entries:
        if not isinstance(entry, dict) or not _may_sign(entry):
            continue
        try:
            key = jwt.PyJWK(entry)
        # Of a kind or a curve that this library does not know, or a member of a type it does not take.
        except (jwt.PyJWTError, TypeError, ValueError):
            continue
        if key.algorithm_name in ALGORITHMS:
            yield key


def _may_sign(entry: Mapping[str, Any]) -> bool:
    """Made for signatures, with a kid, and public: a private or symmetric key is not ours to hold."""
    public = "d" not in entry and entry.get("kty") in ("RSA", "EC", "OKP")
    return public and isinstance(entry.get("kid"), str) and entry.get("use", "sig") == "sig"


def _shown(subject: str) -> str:
    digest = hashlib.sha256(subject.encode(errors="surrogatepass")).hexdigest()
    return f"sub:{digest[:SHOWN_DIGITS]}"
