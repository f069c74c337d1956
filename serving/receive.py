"""A request's body to named images, in memory and within limits that hold while it arrives."""

from __future__ import annotations

import base64
import binascii
from collections.abc import AsyncIterator
from dataclasses import dataclass

from fastapi import Request
from pydantic import ValidationError
from python_multipart.multipart import parse_options_header

from serving.errors import BodyTooLargeError, MalformedBodyError, UnsupportedMediaTypeError
from serving.multipart import MultipartImages, NamedImage
from serving.schemas import PredictBody
from serving.settings import Settings

_RAW_TYPES = ("application/octet-stream", "")
_TO_STANDARD_ALPHABET = str.maketrans("-_", "+/")


@dataclass(frozen=True, kw_only=True)
class BodyLimits:
    """What one request may carry."""

    max_body_bytes: int
    max_images: int

    @classmethod
    def of(cls, settings: Settings) -> BodyLimits:
        """As deployed."""
        return cls(max_body_bytes=settings.max_body_bytes, max_images=settings.max_images_per_request)


async def receive_images(request: Request, limits: BodyLimits) -> list[NamedImage]:
    """Read a body: multipart `image` parts, a raw image, or JSON with base64.

    Returns:
        At least one image, in the order sent.

    Raises:
        BodyTooLargeError: more bytes or images than allowed; the rest of the body is not read.
        MalformedBodyError: empty, broken, or without an image.
        UnsupportedMediaTypeError: of another media type.
    """
    media_type, parameters = parse_options_header(request.headers.get("content-type"))
    body = _limited(request, limits.max_body_bytes)
    match media_type.decode("latin-1").lower():
        case "multipart/form-data":
            images = await _from_multipart(body, parameters.get(b"boundary"), limits=limits)
        case "application/json":
            images = _from_json(await _whole(body))
        case raw if raw.startswith("image/") or raw in _RAW_TYPES:
            images = [NamedImage(None, await _whole(body))]
        case other:
            raise UnsupportedMediaTypeError(
                f"media type {other} is not multipart/form-data, application/json or image/*"
            )
    if len(images) > limits.max_images:
        raise _too_many_images(limits)
    return images


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


def _too_large(max_bytes: int) -> BodyTooLargeError:
    return BodyTooLargeError(f"the body is larger than {max_bytes} bytes")


def _too_many_images(limits: BodyLimits) -> BodyTooLargeError:
    return BodyTooLargeError(f"more than {limits.max_images} images in one request")


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
    parser = MultipartImages(boundary)
    async for chunk in body:
        parser.feed(chunk)
        if parser.count > limits.max_images:
            raise _too_many_images(limits)
    return parser.finish()


def _from_json(data: bytes) -> list[NamedImage]:
    try:
        body = PredictBody.model_validate_json(data)
    except ValidationError as exc:
        first = exc.errors(include_input=False, include_url=False)[0]
        where = ".".join(map(str, first["loc"]))
        raise MalformedBodyError(f"JSON body: {where}: {first['msg']}".replace(": : ", ": ")) from exc
    return [NamedImage(image.name, _base64(image.b64, index)) for index, image in enumerate(body.images)]


def _base64(text: str, index: int) -> bytes:
    """Either alphabet, with or without its padding."""
    standard = text.translate(_TO_STANDARD_ALPHABET).rstrip("=")
    try:
        data = base64.b64decode(standard + "=" * (-len(standard) % 4), validate=True)
    except (binascii.Error, ValueError) as exc:
        raise MalformedBodyError(f"images.{index}.b64 is not base64") from exc
    if not data:
        raise MalformedBodyError(f"images.{index}.b64 is empty")
    return data
