"""What the gateway itself refuses; images, models and model servers have errors of their own."""

from __future__ import annotations

from contract.errors import MiwakeError


class MalformedBodyError(MiwakeError):
    """The body is empty, broken, or holds no image."""

    code = "malformed_body"


class BodyTooLargeError(MiwakeError):
    """More bytes, or more images, than one request may carry."""

    code = "body_too_large"


class BodyTooSlowError(MiwakeError):
    """The body did not arrive in time."""

    code = "deadline_exceeded"


class UnsupportedMediaTypeError(MiwakeError):
    """The body is of a media type that never holds an image."""

    code = "unsupported_format"


class InvalidParameterError(MiwakeError):
    """A parameter that says something, but nothing that can be done."""

    code = "invalid_parameter"


class TracesError(MiwakeError):
    """Traces are asked for that this installation cannot send; found out at the start."""
