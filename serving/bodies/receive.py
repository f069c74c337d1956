"""A request's body to named images, in memory and within limits that hold while it arrives."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass

from fastapi import Request
from python_multipart.multipart import parse_options_header

from serving.bodies.json_body import images_from_json
from serving.bodies.multipart import MultipartImages
from serving.bodies.named_image import NamedImage, NamedUrl, too_many_images
from serving.errors import (
    BodyTooLargeError,
    BodyTooSlowError,
    MalformedBodyError,
    UnsupportedMediaTypeError,
)
from serving.request_state import request_state
from serving.settings import Settings

_RAW_TYPES = ("application/octet-stream", "")


@dataclass(frozen=True, kw_only=True)
class BodyLimits:
    """What one request may carry, and how long it may take to."""

    max_body_bytes: int
    max_images: int
    timeout_seconds: float

    @classmethod
    def of(cls, settings: Settings) -> BodyLimits:
        """As deployed."""
        return cls(
            max_body_bytes=settings.max_body_bytes,
            max_images=settings.max_images_per_request,
            timeout_seconds=settings.receive_timeout_seconds,
        )


async def receive_images(request: Request, limits: BodyLimits) -> Sequence[NamedImage | NamedUrl]:
    """Read a body: multipart `image` parts, a raw image, or JSON with base64 or URLs.

    Returns:
        At least one image, in the order sent.

    Raises:
        BodyTooLargeError: more bytes or images than allowed; the rest of the body is not read.
        BodyTooSlowError: it did not arrive in time.
        MalformedBodyError: empty, broken, or without an image.
        UnsupportedMediaTypeError: of another media type.
    """
    async with _in_time(limits):
        images = await _images(request, limits)
    if len(images) > limits.max_images:
        raise too_many_images(limits.max_images)
    return images


async def receive_body(request: Request, limits: BodyLimits) -> bytes:
    """Read a body as it is, an empty one too.

    Raises:
        BodyTooLargeError: more bytes than allowed; the rest of the body is not read.
        BodyTooSlowError: it did not arrive in time.
    """
    async with _in_time(limits):
        return b"".join([chunk async for chunk in _limited(request, limits.max_body_bytes)])


@contextlib.asynccontextmanager
async def _in_time(limits: BodyLimits) -> AsyncIterator[None]:
    try:
        async with asyncio.timeout(limits.timeout_seconds):
            yield
    except TimeoutError as exc:
        raise BodyTooSlowError(f"the body did not arrive within {limits.timeout_seconds:g} s") from exc


async def _images(request: Request, limits: BodyLimits) -> Sequence[NamedImage | NamedUrl]:
    media_type, parameters = parse_options_header(request.headers.get("content-type"))
    body = _limited(request, limits.max_body_bytes)
    match media_type.decode("latin-1").lower():
        case "multipart/form-data":
            return await _from_multipart(body, parameters.get(b"boundary"), limits=limits)
        case "application/json":
            return await asyncio.to_thread(images_from_json, await _whole(body), max_images=limits.max_images)
        case raw if raw.startswith("image/") or raw in _RAW_TYPES:
            return [NamedImage(None, await _whole(body))]
        case other:
            raise UnsupportedMediaTypeError(
                f"media type {other} is not multipart/form-data, application/json or image/*"
            )


async def _limited(request: Request, max_bytes: int) -> AsyncIterator[bytes]:
    """The body's chunks; refuses by the header before reading and by the count while reading."""
    announced = request.headers.get("content-length", "0")
    received = int(announced) if announced.isdecimal() else 0
    if received > max_bytes:
        raise _too_large(max_bytes)
    received = 0
    async for chunk in request.stream():
        received += len(chunk)
        if received > max_bytes:
            raise _too_large(max_bytes)
        yield chunk
    request_state(request.scope).body_read = True


def _too_large(max_bytes: int) -> BodyTooLargeError:
    return BodyTooLargeError(f"the body is larger than {max_bytes} bytes")


async def _whole(body: AsyncIterator[bytes]) -> bytes:
    data = b"".join([chunk async for chunk in body])
    if not data:
        raise MalformedBodyError("the body is empty")
    return data


async def _from_multipart(
    body: AsyncIterator[bytes], boundary: bytes | None, *, limits: BodyLimits
) -> list[NamedImage]:
    if not boundary:
        raise MalformedBodyError("multipart/form-data without a boundary")
    parser = MultipartImages(boundary, max_images=limits.max_images)
    async for chunk in body:
        parser.feed(chunk)
    return parser.finish()
