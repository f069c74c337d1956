"""How the gateway is reached: what both clients give to httpx."""

from __future__ import annotations

import os
import re
import ssl
from collections.abc import Mapping
from importlib.metadata import version
from typing import Any

import httpx

from miwake.client.errors import GatewayError, InvalidParameterError, UnauthenticatedError

# As many connections as there are calls at once, each kept for the next one.
_LIMITS = httpx.Limits(max_connections=None, max_keepalive_connections=None)
# RFC 6750's b64token, as the gateway reads keys and tokens alike.
_CREDENTIAL = re.compile(r"[A-Za-z0-9._~+/-]+=*")
# RFC 9110, 5.1 and 5.5; ASCII alone, as httpx sends it.
_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_VALUE = re.compile(r"[!-~](?:[\t -~]*[!-~])?|")

Verify = bool | str | os.PathLike[str] | ssl.SSLContext


def connection_options(
    url: str,
    *,
    api_key: str | None,
    bearer_token: str | None,
    verify: Verify,
    headers: Mapping[str, str] | None,
) -> dict[str, Any]:
    """Arguments of httpx.Client and httpx.AsyncClient.

    Raises:
        GatewayError: what is given is not a URL of http or https.
        UnauthenticatedError: what is given cannot be a key or token; no text holds any part of it.
        InvalidParameterError: one of the headers cannot be one.
        ValueError: a key and a token.
        OSError: the file of certificates cannot be read.
    """
    return {
        "base_url": _base_url(url),
        "headers": _user_agent() | _checked(headers or {}) | _credential(api_key, bearer_token),
        "verify": _verify(verify),
        "limits": _LIMITS,
    }


def shown_url(url: httpx.URL) -> str:
    """As errors may show it: without the credentials that a URL can hold."""
    return str(url.copy_with(userinfo=b"", query=None)).rstrip("/")


def _base_url(url: str) -> httpx.URL:
    try:
        base_url = httpx.URL(url)
    except httpx.InvalidURL as exc:
        where = url.rpartition("@")[2]  # before it may stand a password
        raise GatewayError(f"{where} is not a URL: {exc}") from exc
    if base_url.scheme not in {"http", "https"} or not base_url.host:
        raise GatewayError(f"{shown_url(base_url)} is not a URL of http:// or https://")
    return base_url


def _user_agent() -> dict[str, str]:
    return {"User-Agent": f"miwake/{version('miwake')} python-httpx/{httpx.__version__}"}


def _checked(headers: Mapping[str, str]) -> dict[str, str]:
    """Refused here: httpx would repeat the value in its error, and it may be a secret."""
    for name, value in headers.items():
        if not _NAME.fullmatch(name) or not _VALUE.fullmatch(value):
            raise InvalidParameterError(f"HTTP allows no header {name!r} of this value")
    return dict(headers)


def _credential(api_key: str | None, bearer_token: str | None) -> dict[str, str]:
    if api_key is not None and bearer_token is not None:
        raise ValueError("give an API key or a bearer token, not both")
    for secret in (api_key, bearer_token):
        if secret is not None and not _CREDENTIAL.fullmatch(secret):
            raise UnauthenticatedError("the key or token is empty, or of characters that none is made of")
    if api_key is not None:
        return {"X-API-Key": api_key}
    return {} if bearer_token is None else {"Authorization": f"Bearer {bearer_token}"}


def _verify(verify: Verify) -> bool | ssl.SSLContext:
    """A file of certificates becomes a context that trusts it alone."""
    if isinstance(verify, bool | ssl.SSLContext):
        return verify
    return ssl.create_default_context(cafile=os.fspath(verify))
