"""What a call can end with: a class for each code of the gateway, and two for when it did not answer.

Those that concern an image are also the contract's: `except contract.errors.UnsupportedFormatError` takes
the gateway's refusal as well as that of a decoder on this machine.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from contract import errors as contract_errors
from contract.errors import MiwakeError


class GatewayError(MiwakeError):
    """The gateway refused, or could not be asked. One of its own where its code is not known here.

    Attributes:
        code: stable, the gateway's own.
        detail: one line for a person; also what `str` gives.
        status: of HTTP; None where no answer came, or the image was refused before it was sent.
        request_id: what the gateway's log calls the request; the client's own where no answer came.
        retry_after_seconds: when the gateway said to come back, if it did.
        name: of the image, if it has one.
    """

    code = "gateway"

    def __init__(  # noqa: PLR0913 - an attribute each
        self,
        detail: str,
        *,
        code: str | None = None,
        status: int | None = None,
        request_id: str | None = None,
        retry_after_seconds: float | None = None,
        name: str | None = None,
    ) -> None:
        super().__init__(detail)
        self.code = code or type(self).code
        self.detail = detail
        self.status = status
        self.request_id = request_id
        self.retry_after_seconds = retry_after_seconds
        self.name = name


class UnavailableError(GatewayError):
    """Nothing was done, and the same call may succeed later: the client has already tried that."""

    code = "unavailable"


class UnreachableError(UnavailableError):
    """No connection, or it broke before the answer was here."""

    code = "unreachable"


class OverloadedError(UnavailableError):
    """More work is waiting than may wait."""

    code = "overloaded"


class ModelServerAwayError(UnavailableError):
    """The gateway is there, but no model server that is ready to answer."""

    code = "model_server_away"


class RateLimitedError(UnavailableError):
    """This caller asks more often than it may."""

    code = "rate_limited"


class DeadlineExceededError(GatewayError):
    """The time of the call is used up, by the gateway's clock or by this one's."""

    code = "deadline_exceeded"


class UnexpectedAnswerError(GatewayError):
    """What answers there does not answer as a miwake gateway does."""

    code = "unexpected_answer"


class InternalError(GatewayError):
    """A fault of the gateway's; its log has the rest."""

    code = "internal"


class ContractBrokenError(GatewayError, contract_errors.ContractBrokenError):
    """The model or its server does not keep what the manifest promises."""

    code = "contract_broken"


class UnauthenticatedError(GatewayError):
    """Nothing, or nothing valid, says who is calling."""

    code = "unauthenticated"


class ForbiddenError(GatewayError):
    """The caller is known and may not do this."""

    code = "forbidden"


class NotFoundError(GatewayError):
    """The URL leads to a gateway, but to nothing there."""

    code = "not_found"


class ModelNotFoundError(NotFoundError):
    """No model of this name is served."""

    code = "model_not_found"


class VersionNotFoundError(NotFoundError):
    """The model is served, but not in this version."""

    code = "version_not_found"


class SignatureNotFoundError(NotFoundError):
    """The model cannot explain, or cannot embed."""

    code = "signature_not_found"


class MethodNotAllowedError(GatewayError):
    """What is there is asked in another way."""

    code = "method_not_allowed"


class MalformedBodyError(GatewayError):
    """The gateway could not read the request."""

    code = "malformed_body"


class InvalidParameterError(GatewayError):
    """An argument the gateway cannot do anything with: `top_k=0`, a label that the model does not have."""

    code = "invalid_parameter"


class ImageError(GatewayError, contract_errors.ImageError):
    """No answer for this image, whoever asks; `predict_many` yields these instead of raising them."""

    code = "image_undecodable"


class UnsupportedFormatError(ImageError, contract_errors.UnsupportedFormatError):
    """Not an image, or one of a format, pixel mode, shape or dtype that is not allowed."""

    code = "unsupported_format"


class ImageUndecodableError(ImageError, contract_errors.ImageUndecodableError):
    """The right format, but truncated or damaged."""

    code = "image_undecodable"


class TooManyPixelsError(ImageError, contract_errors.TooManyPixelsError):
    """The header announces more pixels than the gateway decodes."""

    code = "too_many_pixels"


class BodyTooLargeError(ImageError):
    """More bytes than one request may carry."""

    code = "body_too_large"


class UrlRefusedError(ImageError):
    """The gateway does not fetch images from there."""

    code = "url_refused"


class UrlUnreachableError(ImageError):
    """The gateway may fetch it, but no image came."""

    code = "url_unreachable"


class ImageUnreadableError(ImageError):
    """The file cannot be read on this machine; it was not sent."""

    code = "image_unreadable"


ERROR_BY_CODE: Mapping[str, type[GatewayError]] = MappingProxyType(
    {
        error.code: error
        for error in (
            BodyTooLargeError,
            ContractBrokenError,
            DeadlineExceededError,
            ForbiddenError,
            ImageUndecodableError,
            InternalError,
            InvalidParameterError,
            MalformedBodyError,
            MethodNotAllowedError,
            ModelNotFoundError,
            ModelServerAwayError,
            NotFoundError,
            OverloadedError,
            RateLimitedError,
            SignatureNotFoundError,
            TooManyPixelsError,
            UnauthenticatedError,
            UnsupportedFormatError,
            UrlRefusedError,
            UrlUnreachableError,
            VersionNotFoundError,
        )
    }
)
