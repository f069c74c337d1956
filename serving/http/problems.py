"""Errors to HTTP: the only file that knows status codes. RFC 9457 problem documents."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from contract.errors import MiwakeError
from modelserver.errors import OverloadedError
from serving.bodies.lingering import LingeringResponse
from serving.callers.errors import ForbiddenError, RateLimitedError, UnauthenticatedError
from serving.errors import BodyTooLargeError, BodyTooSlowError
from serving.request_state import request_state
from serving.schemas import FailedImage, Problem
from serving.telemetry.request_record import answered_with

MEDIA_TYPE = "application/problem+json"
RETRY_AFTER_SECONDS = 1
# Under overload it is cheaper to let the server skip a photograph than to have the client connect anew.
_SKIPPED_BODY_BYTES = 64 * 1024
# Protocols of others, by the first part of the path: their errors are `{"error": "…"}`, with our statuses.
_TENSORFLOW_SERVING = "v1"
_ONE_LINE_PROTOCOLS = frozenset({_TENSORFLOW_SERVING, "v2"})
# TensorFlow Serving answers 400 to whatever the client could have known; it has no 415 and no 422.
_BAD_REQUEST_CODES = frozenset(
    {
        "signature_not_found",
        "unsupported_format",
        "image_undecodable",
        "invalid_parameter",
        "url_refused",
        "url_unreachable",
    }
)

STATUS_BY_CODE: Mapping[str, HTTPStatus] = {
    "malformed_body": HTTPStatus.BAD_REQUEST,
    "unauthenticated": HTTPStatus.UNAUTHORIZED,
    "forbidden": HTTPStatus.FORBIDDEN,
    "not_found": HTTPStatus.NOT_FOUND,
    "model_not_found": HTTPStatus.NOT_FOUND,
    "version_not_found": HTTPStatus.NOT_FOUND,
    "signature_not_found": HTTPStatus.NOT_FOUND,
    "method_not_allowed": HTTPStatus.METHOD_NOT_ALLOWED,
    "body_too_large": HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    "too_many_pixels": HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    "unsupported_format": HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
    "image_undecodable": HTTPStatus.UNPROCESSABLE_ENTITY,
    "invalid_parameter": HTTPStatus.UNPROCESSABLE_ENTITY,
    "url_refused": HTTPStatus.UNPROCESSABLE_ENTITY,
    "url_unreachable": HTTPStatus.UNPROCESSABLE_ENTITY,
    "rate_limited": HTTPStatus.TOO_MANY_REQUESTS,
    "internal": HTTPStatus.INTERNAL_SERVER_ERROR,
    "contract_broken": HTTPStatus.BAD_GATEWAY,
    "overloaded": HTTPStatus.SERVICE_UNAVAILABLE,
    "model_server_away": HTTPStatus.SERVICE_UNAVAILABLE,
    "deadline_exceeded": HTTPStatus.GATEWAY_TIMEOUT,
}
# Raised before the body is read, or while it is.
_BODY_REFUSED = (
    BodyTooLargeError | BodyTooSlowError | UnauthenticatedError | ForbiddenError | RateLimitedError
)
_CODE_BY_ROUTING_STATUS = {404: "not_found", 405: "method_not_allowed"}


def problem_response(
    request: Request, code: str, detail: str, *, errors: Sequence[FailedImage] | None = None
) -> JSONResponse:
    """The answer for an error code; 503 tells when to come back."""
    return _problem_response(JSONResponse, request, code, detail, errors=errors)


def _problem_response(
    response_type: type[JSONResponse],
    request: Request,
    code: str,
    detail: str,
    *,
    errors: Sequence[FailedImage] | None = None,
) -> JSONResponse:
    answered_with(code)
    status = STATUS_BY_CODE[code]
    protocol = request.url.path.split("/")[1]
    if protocol == _TENSORFLOW_SERVING and code in _BAD_REQUEST_CODES:
        status = HTTPStatus.BAD_REQUEST
    if protocol in _ONE_LINE_PROTOCOLS:
        return response_type({"error": detail}, status_code=status, headers=_headers(status))
    problem = Problem(
        title=status.phrase,
        status=status,
        code=code,
        detail=detail,
        request_id=request_state(request.scope).request_id,
        errors=list(errors) if errors else None,
    )
    return response_type(
        problem.model_dump(exclude=None if errors else {"errors"}),
        status_code=status,
        headers=_headers(status),
        media_type=MEDIA_TYPE,
    )


def install(app: FastAPI) -> None:
    """Have every expected error answered as a problem document."""
    app.add_exception_handler(MiwakeError, _miwake_error)
    app.add_exception_handler(RequestValidationError, _validation_error)
    app.add_exception_handler(HTTPException, _routing_error)


def _headers(status: HTTPStatus) -> dict[str, str]:
    match status:
        case HTTPStatus.SERVICE_UNAVAILABLE:
            return {"Retry-After": str(RETRY_AFTER_SECONDS)}
        case HTTPStatus.UNAUTHORIZED:
            return {"WWW-Authenticate": "Bearer"}
    return {}


async def _miwake_error(request: Request, exc: Exception) -> JSONResponse:
    assert isinstance(exc, MiwakeError)  # noqa: S101 - registered for it alone
    return error_response(request, exc)


def error_response(request: Request, exc: MiwakeError) -> JSONResponse:
    """The answer for an error."""
    # What is left of a refused body is not read: the connection ends with the answer.
    refused = isinstance(exc, _BODY_REFUSED) and _has_body(request)
    refused = refused or (isinstance(exc, OverloadedError) and _has_large_body(request))
    unread = refused and not request_state(request.scope).body_read
    response_type = LingeringResponse if unread else JSONResponse
    response = _problem_response(response_type, request, exc.code, str(exc))
    if isinstance(exc, RateLimitedError | OverloadedError):
        response.headers["Retry-After"] = str(max(RETRY_AFTER_SECONDS, math.ceil(exc.retry_after_seconds)))
    return response


def _has_body(request: Request) -> bool:
    announced = request.headers.get("content-length", "0")
    return announced != "0" or "transfer-encoding" in request.headers


def _has_large_body(request: Request) -> bool:
    announced = request.headers.get("content-length", "0")
    large = announced.isdecimal() and int(announced) > _SKIPPED_BODY_BYTES
    return large or "transfer-encoding" in request.headers


async def _validation_error(request: Request, exc: Exception) -> JSONResponse:
    assert isinstance(exc, RequestValidationError)  # noqa: S101 - registered for it alone
    return problem_response(request, "invalid_parameter", "; ".join(map(_one_line, exc.errors())))


async def _routing_error(request: Request, exc: Exception) -> JSONResponse:
    assert isinstance(exc, HTTPException)  # noqa: S101 - registered for it alone
    code = _CODE_BY_ROUTING_STATUS.get(exc.status_code, "malformed_body")
    response = problem_response(request, code, f"{request.method} {request.url.path}: {exc.detail}")
    response.headers.update(exc.headers or {})
    return response


def _one_line(error: Mapping[str, Any]) -> str:
    return f"{'.'.join(map(str, error['loc'][1:]))}: {error['msg']}"
