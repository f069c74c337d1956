"""The images of a JSON body: `{"images":[{"b64":"…"},{"url":"…"}]}`."""

from __future__ import annotations

import base64

from pydantic import ValidationError

from serving.bodies.named_image import NamedImage, NamedUrl, too_many_images
from serving.errors import BodyTooLargeError, MalformedBodyError
from serving.schemas import ImagesBody, UrlImage

_TO_STANDARD_ALPHABET = str.maketrans("-_", "+/")
# Commas and brackets for one image with all its members, and room for names that hold some.
_STRUCTURE_BYTES_AN_IMAGE = 32


def images_from_json(data: bytes, *, max_images: int) -> list[NamedImage | NamedUrl]:
    """Parse a body and decode its base64. Takes a while for a large one: not on the event loop.

    Raises:
        BodyTooLargeError: more images than allowed.
        MalformedBodyError: not JSON of that form, or not base64.
    """
    _refuse_crowded(data, max_images=max_images)
    try:
        body = ImagesBody.model_validate_json(data)
    except ValidationError as exc:
        raise MalformedBodyError(f"JSON: {_first_fault(exc)}") from exc
    if len(body.images) > max_images:
        raise too_many_images(max_images)
    return [
        NamedUrl(image.name, image.url)
        if isinstance(image, UrlImage)
        else NamedImage(image.name, from_base64(image.b64, where=f"images.{index}.b64"))
        for index, image in enumerate(body.images)
    ]


def from_base64(text: str, *, where: str) -> bytes:
    """Decode either alphabet, with or without its padding.

    Raises:
        MalformedBodyError: it is not base64, or holds nothing; `where` tells the client which.
    """
    standard = text.translate(_TO_STANDARD_ALPHABET) if "-" in text or "_" in text else text
    standard = standard.rstrip("=")
    try:
        data = base64.b64decode(standard + "=" * (-len(standard) % 4), validate=True)
    except ValueError as exc:
        raise MalformedBodyError(f"{where} is not base64") from exc
    if not data:
        raise MalformedBodyError(f"{where} is empty")
    return data


def _first_fault(error: ValidationError) -> str:
    first = error.errors(include_input=False, include_url=False)[0]
    # Which of the two kinds of image it was taken for (the third place) is no member of the document.
    where = [str(part) for place, part in enumerate(first["loc"]) if place != 2]  # noqa: PLR2004
    return f"{'.'.join(where) or 'the body'}: {first['msg']}"


def _refuse_crowded(data: bytes, *, max_images: int) -> None:
    """Refuse a document of many small values before it is parsed.

    A megabyte of `1,1,1,…` becomes hundreds of megabytes of objects; base64 has none of these bytes.
    """
    structure = sum(map(data.count, (b",", b"[", b"{")))
    if structure > _STRUCTURE_BYTES_AN_IMAGE * max_images:
        raise BodyTooLargeError(f"the JSON body holds more values than {max_images} images need")
