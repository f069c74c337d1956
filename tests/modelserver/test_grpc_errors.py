from __future__ import annotations

import grpc
import pytest

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
from modelserver.grpc_errors import to_model_server_error


@pytest.mark.parametrize("status", [s for s in grpc.StatusCode if s is not grpc.StatusCode.OK])
def test_every_status_has_an_error_of_ours(status: grpc.StatusCode) -> None:
    error = to_model_server_error(status, "the server's own text, /srv/models/secret")

    assert isinstance(error, ModelServerError)
    assert "secret" not in str(error)


@pytest.mark.parametrize(
    ("status", "text", "expected"),
    [
        ("NOT_FOUND", "Servable not found for request: Latest(nope)", ModelNotFoundError),
        ("NOT_FOUND", "Servable not found for request: Specific(toy, 99)", VersionNotFoundError),
        ("NOT_FOUND", "Could not find any versions of model nope", ModelNotFoundError),
        ("INVALID_ARGUMENT", "Unrecognized servable version label: stable", VersionNotFoundError),
        ("FAILED_PRECONDITION", 'Serving signature key "nosig" not found.', SignatureNotFoundError),
        ("FAILED_PRECONDITION", "Could not find variable dense/kernel", UnexpectedAnswerError),
        ("INVALID_ARGUMENT", "Expects arg[0] to be float but int32 is provided", UnexpectedAnswerError),
        ("RESOURCE_EXHAUSTED", "Server Threadpool Exhausted", OverloadedError),
        (
            "UNAVAILABLE",
            "The batch scheduling queue to which this task was submitted is full",
            OverloadedError,
        ),
        ("UNAVAILABLE", "failed to connect to all addresses", ModelServerAwayError),
        ("DEADLINE_EXCEEDED", "", DeadlineExceededError),
        ("INTERNAL", "cuDNN failed", ModelServerFaultError),
        ("RESOURCE_EXHAUSTED", "OOM when allocating tensor", ModelServerFaultError),
    ],
)
def test_tensorflow_servings_own_texts_are_told_apart(
    status: str, text: str, expected: type[ModelServerError]
) -> None:
    assert type(to_model_server_error(grpc.StatusCode[status], text)) is expected


def test_a_status_without_text_is_mapped_too() -> None:
    assert type(to_model_server_error(grpc.StatusCode.UNAVAILABLE, None)) is ModelServerAwayError
