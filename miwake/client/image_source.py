"""An image as a caller has it, to the bytes that are sent."""

from __future__ import annotations

import io
import os
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image

from contract.image import upright
from miwake.client.errors import (
    ImageError,
    ImageUndecodableError,
    ImageUnreadableError,
    UnsupportedFormatError,
)

# What a caller may hand over. A `str` is a path, never a URL.
ImageSource = str | os.PathLike[str] | bytes | Image.Image | npt.NDArray[np.uint8]
# The same with what its answer calls it.
NamedSource = tuple[str, ImageSource]

# PNG holds these as they are, and those of the gateway's other modes as the decoder would see them.
_SENT_AS = {mode: mode for mode in ("1", "L", "LA", "P", "RGB", "RGBA", "I;16", "I;16B")} | {
    "CMYK": "RGB",
    "PA": "RGBA",
    "RGBX": "RGB",
    "YCbCr": "RGB",
}
_GRAY_DIMENSIONS, _RGB_DIMENSIONS, _RGB_CHANNELS = 2, 3, 3
# Little smaller with more effort, and on one core a large photograph takes seconds.
_COMPRESS_LEVEL = 1


@dataclass(frozen=True)
class SentImage:
    """Encoded bytes, and what the answer calls them."""

    image_bytes: bytes = field(repr=False)
    name: str | None = None


def read_image(image: ImageSource, *, name: str | None = None) -> SentImage:
    """Read, or encode without loss, what is to be sent.

    Args:
        image: a path; the bytes of an encoded image; a PIL image, turned as its EXIF says; or an array
            uint8 [H, W, 3] RGB or [H, W] gray.
        name: what the answer calls it; else a path calls itself, and nothing else has one.

    Raises:
        ImageUnreadableError: the file cannot be read.
        UnsupportedFormatError: an empty file or image, another shape or dtype, a PIL mode that the decoder
            refuses (`F`, `I`, `HSV`, `LAB` …).
        ImageUndecodableError: the PIL image cannot be loaded.
        TypeError: none of the above.
    """
    if isinstance(image, str | os.PathLike):
        name = name or os.fspath(image)
    return SentImage(_bytes_of(image, name), name)


def read_images(images: Iterable[ImageSource | NamedSource]) -> list[SentImage | ImageError]:
    """The same of many, each of which may come with a name. Those that cannot be sent are their errors.

    Raises:
        TypeError: one is no image.
    """
    return [_read_item(image) for image in images]


def _read_item(item: ImageSource | NamedSource) -> SentImage | ImageError:
    name, image = item if isinstance(item, tuple) else (None, item)
    try:
        return read_image(image, name=name)
    except ImageError as exc:
        return exc


def _bytes_of(image: ImageSource, name: str | None) -> bytes:
    match image:
        case bytes():
            data = image
        case str() | os.PathLike():
            data = _read(Path(image), name)
        case Image.Image():
            data = _png(image, name)
        case np.ndarray():
            data = _png(_picture(image, name), name)
        case _:
            raise TypeError(f"an image is a path, bytes, a PIL image or an array, not {type(image).__name__}")
    if not data:
        raise UnsupportedFormatError("the image is empty", name=name)
    return data


def _read(path: Path, name: str | None) -> bytes:
    try:
        return path.read_bytes()
    except (OSError, ValueError) as exc:  # ValueError: no path holds such characters
        raise ImageUnreadableError(f"{path}: {getattr(exc, 'strerror', None) or exc}", name=name) from exc


def _picture(pixels: npt.NDArray[np.uint8], name: str | None) -> Image.Image:
    gray = pixels.ndim == _GRAY_DIMENSIONS
    colour = pixels.ndim == _RGB_DIMENSIONS and pixels.shape[-1] == _RGB_CHANNELS
    if pixels.dtype != np.uint8 or pixels.size == 0 or not (gray or colour):
        text = f"an array of {pixels.dtype} {list(pixels.shape)} is not uint8 [H, W, 3] or [H, W]"
        raise UnsupportedFormatError(text, name=name)
    return Image.fromarray(pixels)


def _png(image: Image.Image, name: str | None) -> bytes:
    mode = _SENT_AS.get(image.mode)
    if mode is None or not all(image.size):
        text = f"a PIL image of mode {image.mode} and size {image.width}x{image.height} is not allowed"
        raise UnsupportedFormatError(text, name=name)
    buffer = io.BytesIO()
    try:
        image.load()
        picture = upright(image)
        (picture if picture.mode == mode else picture.convert(mode)).save(
            buffer, "PNG", compress_level=_COMPRESS_LEVEL
        )
    except (OSError, SyntaxError, ValueError) as exc:  # what Pillow's parsers say of a damaged file
        raise ImageUndecodableError("the image is truncated or damaged", name=name) from exc
    return buffer.getvalue()
