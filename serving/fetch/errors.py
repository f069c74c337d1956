"""Why an image named by URL is not there. Texts are ours: nothing of what a host said is repeated."""

from __future__ import annotations

from contract.errors import ImageError


class UrlRefusedError(ImageError):
    """This gateway does not go there: a host, port, scheme or address that is not allowed."""

    code = "url_refused"


class UrlUnreachableError(ImageError):
    """It may be asked, but no image came: not found, too slow, a broken connection or certificate."""

    code = "url_unreachable"


class UrlTooLargeError(ImageError):
    """More bytes than the images of one request may have together."""

    code = "body_too_large"
