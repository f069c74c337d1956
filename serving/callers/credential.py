"""What a caller presents, read out of the headers of HTTP or the metadata of gRPC."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from serving.callers.errors import UnauthenticatedError

AUTHORIZATION, API_KEY = "authorization", "x-api-key"
MAX_CREDENTIAL_LENGTH = 8192
# RFC 6750's b64token. It has no room for a comma: two headers joined into one are not taken for one.
_TOKEN = re.compile(r"[A-Za-z0-9._~+/-]+=*")
_TOKEN_PARTS = 3


@dataclass(frozen=True, kw_only=True)
class Credential:
    """A key or a signed token; ASCII, at most MAX_CREDENTIAL_LENGTH characters."""

    secret: str = field(repr=False)
    is_token: bool


def joined(pairs: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Headers as a mapping; a repeated one's values are joined (RFC 9110 5.3), so that none of them hides."""
    headers: dict[str, str] = {}
    for name, value in pairs:
        key = name.lower()
        headers[key] = f"{headers[key]}, {value}" if key in headers else value
    return headers


def read_credential(headers: Mapping[str, str]) -> Credential:
    """The one credential among these headers, whose names may be in any case.

    Raises:
        UnauthenticatedError: none, more than one, or one that is no token in form.
    """
    given = joined(
        (name, value) for name, value in headers.items() if name.lower() in {AUTHORIZATION, API_KEY}
    )
    if not given:
        raise UnauthenticatedError("no credentials; send Authorization: Bearer or X-API-Key")
    if len(given) > 1:
        raise UnauthenticatedError("send one of Authorization and X-API-Key, not both")
    if API_KEY in given:
        return Credential(secret=_checked(given[API_KEY].strip(" \t")), is_token=False)
    scheme, _, rest = given[AUTHORIZATION].strip(" \t").partition(" ")
    if scheme.lower() != "bearer":
        raise UnauthenticatedError("the scheme of Authorization is not Bearer")
    secret = _checked(rest.strip(" \t"))
    return Credential(secret=secret, is_token=secret.count(".") == _TOKEN_PARTS - 1)


def _checked(secret: str) -> str:
    if len(secret) > MAX_CREDENTIAL_LENGTH:
        raise UnauthenticatedError(f"the credential is longer than {MAX_CREDENTIAL_LENGTH} characters")
    if not _TOKEN.fullmatch(secret):
        raise UnauthenticatedError("the credential is empty, or of characters that none is made of")
    return secret
