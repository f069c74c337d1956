"""The root of the project's errors, and those of the contract itself.

Every error carries a stable `code`: it is what a client reads in a problem document, what a batch job
writes into a row and what a metric counts. Texts are one clear line each and safe to show to a stranger.
"""

from __future__ import annotations


class MiwakeError(Exception):
    """Anything this project refuses on purpose."""

    code: str = "internal"


class ImageError(MiwakeError):
    """These bytes do not become pixels."""

    code = "image_undecodable"


class UnsupportedFormatError(ImageError):
    """Not an image, or one of a format or pixel mode that is not on the allow-list."""

    code = "unsupported_format"


class ImageUndecodableError(ImageError):
    """The right format, but truncated or damaged."""

    code = "image_undecodable"


class TooManyPixelsError(ImageError):
    """The header announces more pixels than the limit; none was decoded."""

    code = "too_many_pixels"


class ContractBrokenError(MiwakeError):
    """A model does not keep what its manifest promises."""

    code = "contract_broken"


class ManifestError(ContractBrokenError):
    """A manifest that cannot be read, or whose major version this build does not know."""


class SidecarError(ContractBrokenError):
    """A sidecar that cannot be read, or that describes no model anyone could serve."""


class ModelFolderError(MiwakeError):
    """No model lies where one was looked for."""

    code = "model_not_found"
