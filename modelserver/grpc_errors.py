"""gRPC statuses to our own errors: the one place where they are told apart.

Texts of the model server are read here to tell cases apart and never shown to a client.
"""

from __future__ import annotations

from collections.abc import Mapping

import grpc

from modelserver.errors import (
    DeadlineExceededError,
    ModelNotFoundError,
    ModelServerAwayError,
    ModelServerError,
    ModelServerFaultError,
    OverloadedError,
    SignatureNotFoundError,
    UnexpectedAnswerError,
    VersionNotFoundError,
)

_Error = tuple[type[ModelServerError], str]

_AWAY: _Error = (ModelServerAwayError, "the model server is away")
_OVERLOADED: _Error = (OverloadedError, "the model server is overloaded")
_FAULT: _Error = (ModelServerFaultError, "the model server failed")
_UNEXPECTED: _Error = (
    UnexpectedAnswerError,
    "the model server refused a request that the model's manifest allows",
)

# Where a status alone does not say what happened, its text does: TensorFlow Serving's own words.
_BY_TEXT: Mapping[tuple[grpc.StatusCode, str], _Error] = {
    (grpc.StatusCode.UNAVAILABLE, "batch scheduling queue"): _OVERLOADED,
    (grpc.StatusCode.RESOURCE_EXHAUSTED, "Threadpool Exhausted"): _OVERLOADED,
    (grpc.StatusCode.NOT_FOUND, "Specific("): (VersionNotFoundError, "the model has no such version"),
    (grpc.StatusCode.INVALID_ARGUMENT, "version label"): (
        VersionNotFoundError,
        "the model has no version of that label",
    ),
    (grpc.StatusCode.FAILED_PRECONDITION, "Serving signature key"): (
        SignatureNotFoundError,
        "the model has no such signature",
    ),
}
_BY_STATUS: Mapping[grpc.StatusCode, _Error] = {
    grpc.StatusCode.UNAVAILABLE: _AWAY,
    grpc.StatusCode.ABORTED: _AWAY,
    grpc.StatusCode.CANCELLED: _AWAY,
    grpc.StatusCode.DEADLINE_EXCEEDED: (
        DeadlineExceededError,
        "the model server did not answer in time",
    ),
    grpc.StatusCode.NOT_FOUND: (ModelNotFoundError, "the model server has no such model"),
    grpc.StatusCode.ALREADY_EXISTS: _FAULT,
    grpc.StatusCode.DATA_LOSS: _FAULT,
    grpc.StatusCode.FAILED_PRECONDITION: _UNEXPECTED,
    grpc.StatusCode.INTERNAL: _FAULT,
    grpc.StatusCode.INVALID_ARGUMENT: _UNEXPECTED,
    grpc.StatusCode.OUT_OF_RANGE: _FAULT,
    grpc.StatusCode.PERMISSION_DENIED: _FAULT,
    grpc.StatusCode.RESOURCE_EXHAUSTED: _FAULT,
    grpc.StatusCode.UNAUTHENTICATED: _FAULT,
    grpc.StatusCode.UNIMPLEMENTED: _UNEXPECTED,
    grpc.StatusCode.UNKNOWN: _FAULT,
}


def to_model_server_error(status: grpc.StatusCode, details: str | None) -> ModelServerError:
    """Our error for a status that is not OK; to be raised `from` gRPC's own.

    Raises:
        KeyError: gRPC gained a status this table does not know (a test walks them all).
    """
    by_text = (
        error
        for (known_status, part), error in _BY_TEXT.items()
        if status is known_status and part in (details or "")
    )
    error_type, text = next(by_text, _BY_STATUS[status])
    return error_type(text)
