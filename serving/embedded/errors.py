"""The exceptions raised inside, and the one place where a refusal becomes a gRPC status."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import grpc

_STATUS_BY_NUMBER = {status.value[0]: status for status in grpc.StatusCode}
# TensorFlow Serving cuts here too: a status text travels in the trailers, which clients limit to 8 KiB.
_MAX_TEXT_LENGTH = 1024
# What Python's session puts before the text that the kernel wrote.
_SESSION_PREFIX = "Graph execution error:\n\n"


class ConfigError(Exception):
    """A configuration that cannot be read, or that this server cannot follow."""


class ServingError(Exception):
    """A refusal with the status and the text that TensorFlow Serving gives."""

    def __init__(self, status: grpc.StatusCode, text: str) -> None:
        super().__init__(text)
        self.status = status
        self.text = text if len(text) <= _MAX_TEXT_LENGTH else text[:_MAX_TEXT_LENGTH] + "...TRUNCATED"

    @property
    def number(self) -> int:
        """The status as a number, the same one in gRPC and in TensorFlow."""
        return int(self.status.value[0])


def invalid_argument(text: str) -> ServingError:
    """The caller sent something wrong."""
    return ServingError(grpc.StatusCode.INVALID_ARGUMENT, text)


def servable_not_found(name: str, number: int | None) -> ServingError:
    """No such model, or no such version available; `number` None means that the latest was wanted."""
    wanted = f"Latest({name})" if number is None else f"Specific({name}, {number})"
    return ServingError(grpc.StatusCode.NOT_FOUND, f"Servable not found for request: {wanted}")


def from_tensorflow(exc: Any) -> ServingError:
    """Translate a tf.errors.OpError; its codes are gRPC's numbers."""
    status = _STATUS_BY_NUMBER.get(exc.error_code, grpc.StatusCode.UNKNOWN)
    return ServingError(status, str(exc.message).removeprefix(_SESSION_PREFIX) or type(exc).__name__)


Handler = Callable[[Any, Any, grpc.ServicerContext], Any]


def answering(handler: Handler) -> Handler:
    """Turn the ServingError that a method of a gRPC service raises into the status of its call."""

    @functools.wraps(handler)
    def answer(service: Any, request: Any, context: grpc.ServicerContext) -> Any:
        try:
            return handler(service, request, context)
        except ServingError as exc:
            context.abort(exc.status, exc.text)

    return answer


@answering
def unimplemented(_service: Any, _request: Any, _context: grpc.ServicerContext) -> Any:
    """A method that this server does not have.

    Raises:
        ServingError: UNIMPLEMENTED, always.
    """
    raise ServingError(grpc.StatusCode.UNIMPLEMENTED, "Not implemented by the embedded model server.")
