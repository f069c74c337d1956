"""A request's body to named images, in memory and within limits that hold while it arrives."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
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
from serving.load.codec_pool import CodecPool
from serving.load.deadline import Deadline
from serving.request_state import request_state
from serving.settings import Settings

_RAW_TYPES = ("application/octet-stream", "")
# As Apache's mod_reqtimeout: 20 s for a body to arrive, and one more for every 500 bytes.
_PATIENCE_SECONDS = 20.0
_MIN_BYTES_PER_SECOND = 500


@dataclass(frozen=True, kw_only=True)
class BodyLimits:
    """What one request may carry, and how long it may take to."""

    max_body_bytes: int
    max_images: int
    timeout_seconds: float
    patience_seconds: float = _PATIENCE_SECONDS

    @classmethod
    def of(cls, settings: Settings) -> BodyLimits:
        """As deployed."""
        return cls(
            max_body_bytes=settings.max_body_bytes,
            max_images=settings.max_images_per_request,
            timeout_seconds=settings.receive_timeout_seconds,
        )


async def receive_images(
    request: Request, limits: BodyLimits, *, pool: CodecPool, hold: Callable[[int], None]
) -> Sequence[NamedImage | NamedUrl]:
    """Read a body: multipart `image` parts, a raw image, or JSON with base64 or URLs.

    Args:
        request: whose body is to be read.
        limits: for it.
        pool: where JSON is parsed.
        hold: told of all bytes as they come; may refuse them by raising.

    Returns:
        At least one image, in the order sent.

    Raises:
        BodyTooLargeError: more bytes or images than allowed; the rest of the body is not read.
        BodyTooSlowError: it did not arrive in time.
        DeadlineExceededError: it was not parsed in time.
        MalformedBodyError: empty, broken, or without an image.
        UnsupportedMediaTypeError: of another media type.
    """
    deadline = Deadline.after(limits.timeout_seconds)
    images: Sequence[NamedImage | NamedUrl]
    media_type, parameters = parse_options_header(request.headers.get("content-type"))
    body = _limited(request, limits, hold)
    match media_type.decode("latin-1").lower():
        case "multipart/form-data":
            images = await _from_multipart(body, parameters.get(b"boundary"), limits=limits)
        case "application/json":
            data, most = await _whole(body), limits.max_images
            images = await pool.run(images_from_json, data, max_images=most, deadline=deadline)
        case raw if raw.startswith("image/") or raw in _RAW_TYPES:
            images = [NamedImage(None, await _whole(body))]
        case other:
            raise UnsupportedMediaTypeError(
                f"media type {other} is not multipart/form-data, application/json or image/*"
            )
    if len(images) > limits.max_images:
        raise too_many_images(limits.max_images)
    return images


async def receive_body(
    request: Request, limits: BodyLimits, *, hold: Callable[[int], None] = lambda _: None
) -> bytes:
    """Read a body as it is, an empty one too.

    Raises:
        BodyTooLargeError: more bytes than allowed; the rest of the body is not read.
        BodyTooSlowError: it did not arrive in time.
    """
    return b"".join([chunk async for chunk in _limited(request, limits, hold)])


async def _limited(request: Request, limits: BodyLimits, hold: Callable[[int], None]) -> AsyncIterator[bytes]:
    """The body's chunks; refuses by the header before reading and by the count while reading."""
    max_bytes = limits.max_body_bytes
    announced = request.headers.get("content-length", "0")
    received = int(announced) if announced.isdecimal() else 0
    if received > max_bytes:
        raise _too_large(max_bytes)
    received = 0
    async for chunk in _in_time(request.stream(), limits):
        received += len(chunk)
        if received > max_bytes:
            raise _too_large(max_bytes)
        hold(len(chunk))
        yield chunk
    request_state(request.scope).body_read = True


async def _in_time(chunks: AsyncIterator[bytes], limits: BodyLimits) -> AsyncIterator[bytes]:
    """The same chunks, as long as they come before the end and at some pace."""
    clock = asyncio.get_running_loop().time
    started, received = clock(), 0
    while True:
        allowed = min(limits.timeout_seconds, limits.patience_seconds + received / _MIN_BYTES_PER_SECOND)
        try:
            async with asyncio.timeout_at(started + allowed):
                chunk = await anext(chunks, None)
        except TimeoutError as exc:
            raise BodyTooSlowError(f"the body did not arrive within {allowed:g} s") from exc
        if chunk is None:
            return
        received += len(chunk)
        yield chunk


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
