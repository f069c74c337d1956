"""An image as it came, however it came."""

from __future__ import annotations

from dataclasses import dataclass

from serving.errors import BodyTooLargeError


@dataclass(frozen=True)
class NamedImage:
    """An encoded image and what its sender calls it."""

    name: str | None
    image_bytes: bytes


@dataclass(frozen=True)
class NamedUrl:
    """An image that is still elsewhere, and what its sender calls it."""

    name: str | None
    url: str


def too_many_images(limit: int) -> BodyTooLargeError:
    """One request carries more of them than it may."""
    return BodyTooLargeError(f"more than {limit} images in one request")
