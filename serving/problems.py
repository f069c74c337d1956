"""Errors to HTTP: the only file that knows status codes. RFC 9457 problem documents."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from contract.errors import MiwakeError
from serving.errors import BodyTooLargeError, BodyTooSlowError
from serving.lingering import LingeringResponse
from serving.request_state import request_state
from serving.schemas import FailedImage, Problem

MEDIA_TYPE = "application/problem+json"
RETRY_AFTER_SECONDS = 1

STATUS_BY_CODE: Mapping[str, HTTPStatus] = {
    "malformed_body": HTTPStatus.BAD_REQUEST,
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
    "internal": HTTPStatus.INTERNAL_SERVER_ERROR,
    "contract_broken": HTTPStatus.BAD_GATEWAY,
    "overloaded": HTTPStatus.SERVICE_UNAVAILABLE,
    "model_server_away": HTTPStatus.SERVICE_UNAVAILABLE,
    "deadline_exceeded": HTTPStatus.GATEWAY_TIMEOUT,
}
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
    status = STATUS_BY_CODE[code]
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
    if status is HTTPStatus.SERVICE_UNAVAILABLE:
        return {"Retry-After": str(RETRY_AFTER_SECONDS)}
    return {}


async def _miwake_error(request: Request, exc: Exception) -> JSONResponse:
    assert isinstance(exc, MiwakeError)  # noqa: S101 - registered for it alone
    # What is left of a refused body is not read: the connection ends with the answer.
    refused = isinstance(exc, BodyTooLargeError | BodyTooSlowError)
    unread = refused and not request_state(request.scope).body_read
    response_type = LingeringResponse if unread else JSONResponse
    return _problem_response(response_type, request, exc.code, str(exc))


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
