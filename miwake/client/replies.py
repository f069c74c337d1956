"""What a gateway answered, as it came; and the error in it, if it is one."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

import httpx

from miwake.client.connection import shown_url
from miwake.client.errors import ERROR_BY_CODE, GatewayError, UnavailableError, UnexpectedAnswerError
from miwake.client.retry_after import retry_after_seconds

_TRY_LATER = frozenset({HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE})


@dataclass(frozen=True, kw_only=True)
class Reply:
    """A whole answer of HTTP; `url` is where it came from, without credentials."""

    status: int
    headers: Mapping[str, str]
    body: bytes = field(repr=False)
    url: str

    @classmethod
    def of(cls, response: httpx.Response, body: bytes) -> Reply:
        """Of a response whose body was read on the way."""
        url = shown_url(response.url)
        return cls(status=response.status_code, headers=response.headers, body=body, url=url)

    def document(self) -> Mapping[str, Any]:
        """The JSON object.

        Raises:
            UnexpectedAnswerError: it is none.
        """
        document = _json_object(self.body)
        if document is None:
            raise self.unexpected()
        return document

    def unexpected(self) -> UnexpectedAnswerError:
        """An error to be raised: no gateway answers like this."""
        text = f"{self.url} answered {self.status}, not as a miwake gateway does"
        return UnexpectedAnswerError(text, status=self.status, request_id=self.headers.get("x-request-id"))


def error_of_reply(reply: Reply, *, request_id: str) -> GatewayError | None:
    """The typed error of a problem document (RFC 9457), or of what a proxy says.

    None for an answer, and for the problem of a request whose images were looked at and all refused.
    """
    document = _json_object(reply.body) or {}
    if reply.status == HTTPStatus.OK or isinstance(document.get("errors"), list):
        return None
    code, detail = document.get("code"), document.get("detail")
    given_id = document.get("request_id")
    retry_after = retry_after_seconds(reply.headers)
    if isinstance(code, str) and isinstance(detail, str):
        return ERROR_BY_CODE.get(code, GatewayError)(
            detail,
            code=code,
            status=reply.status,
            request_id=given_id if isinstance(given_id, str) else request_id,
            retry_after_seconds=retry_after,
        )
    if reply.status in _TRY_LATER:  # of a proxy before the gateway
        text = f"{reply.url} answered {reply.status}"
        return UnavailableError(
            text, status=reply.status, request_id=request_id, retry_after_seconds=retry_after
        )
    return reply.unexpected()


def _json_object(body: bytes) -> Mapping[str, Any] | None:
    try:
        document = json.loads(body)
    except ValueError:  # UnicodeDecodeError is one too
        return None
    return document if isinstance(document, dict) else None
