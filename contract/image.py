"""THE decode function: encoded bytes to the pixels a model takes.

Training, the gateway and batch scoring all call `decode`; nothing else in the project turns bytes into
pixels, so a model is served on exactly what it was trained on. The policy:

- Formats on an allow-list only: JPEG, PNG, WebP, AVIF, GIF, BMP, TIFF; HEIC where pillow-heif is installed.
- The pixel limit is read from the header, before any pixel is decoded.
- JPEG is decoded at the nearest DCT scale of at least twice the target.
- EXIF orientation is applied; a damaged EXIF block counts as none, as every viewer treats it.
- Alpha is laid over white; CMYK, palette and gray become RGB; 16-bit gray is scaled by 1/257.
- Only the first frame is decoded. ICC profiles are left alone.
"""

from __future__ import annotations

import functools
import hashlib
import io
import struct
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext

import numpy as np
import numpy.typing as npt
from PIL import ExifTags, Image, UnidentifiedImageError

from contract.errors import (
    ImageError,
    ImageUndecodableError,
    TooManyPixelsError,
    UnsupportedFormatError,
)
from contract.image_spec import ImageSpec

Pixels = npt.NDArray[np.uint8]

FORMATS = ("JPEG", "PNG", "WEBP", "AVIF", "GIF", "BMP", "TIFF")
DEFAULT_MAX_PIXELS = 50_000_000
_DRAFTABLE = frozenset({"JPEG", "MPO"})
_MODES = frozenset({"1", "L", "LA", "P", "PA", "RGB", "RGBA", "RGBX", "CMYK", "YCbCr"})
_WHITE_16_BIT = 65535
_ROWS_AT_ONCE = 64
_PHOTOMETRIC_INTERPRETATION = 262
# How much larger than the target a picture is before the filter proper runs: Pillow's documentation
# calls 2.0 close to the fair resampling, 3.0 all but the same as it.
_REDUCING_GAP = 2.0
_TRANSPOSITIONS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


def decode(
    data: bytes,
    spec: ImageSpec,
    *,
    max_pixels: int = DEFAULT_MAX_PIXELS,
    admit: Callable[[int], AbstractContextManager[object]] = nullcontext,
) -> Pixels:
    """Turn an encoded image into the pixels a model takes.

    Args:
        data: the whole file, as it arrived.
        spec: size, fit, fill and filter.
        max_pixels: width times height allowed in the header.
        admit: entered with the number of pixels about to be decoded, for as long as they are in memory:
            where many threads decode, it can make the large ones wait for each other.

    Returns:
        uint8 [spec.height, spec.width, 3], RGB.

    Raises:
        UnsupportedFormatError: not an image, or of a format or pixel mode that is not allowed.
        ImageUndecodableError: truncated or damaged.
        TooManyPixelsError: more than `max_pixels`; nothing was decoded.
    """
    with _errors_of_ours(data, max_pixels), Image.open(io.BytesIO(data), formats=_formats()) as image:
        _refuse_too_many_pixels(image, max_pixels)
        _draft(image, spec)
        with admit(image.width * image.height):
            image.load()
            pixels = np.array(_fit(_resizable(upright(image)), spec))
            image.close()  # frees its memory before the next picture is let in
    return pixels


def size_in_header(data: bytes) -> tuple[int, int]:
    """Width and height in pixels before EXIF turns them; nothing is decoded.

    Raises:
        UnsupportedFormatError, ImageUndecodableError: as `decode`.
        TooManyPixelsError: more than `DEFAULT_MAX_PIXELS`.
    """
    with (
        _errors_of_ours(data, DEFAULT_MAX_PIXELS),
        Image.open(io.BytesIO(data), formats=_formats()) as image,
    ):
        _refuse_too_many_pixels(image, DEFAULT_MAX_PIXELS)
        return image.size


def pixels_sha256(pixels: Pixels) -> str:
    """The SHA-256 of decoded pixels, in hexadecimal: equal digests mean equal decoders."""
    return hashlib.sha256(np.ascontiguousarray(pixels).tobytes()).hexdigest()


@contextmanager
def _errors_of_ours(data: bytes, max_pixels: int) -> Iterator[None]:
    """Turn whatever Pillow raises into one of our errors.

    Its parsers answer hostile bytes with nearly any exception (struct.error, KeyError, zlib.error …).
    """
    try:
        yield
    except ImageError:
        raise
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as exc:
        raise TooManyPixelsError(f"the image has more than {max_pixels} pixels") from exc
    except UnidentifiedImageError as exc:
        raise _unidentified(data) from exc
    except Exception as exc:
        raise ImageUndecodableError("the image is truncated or damaged") from exc


@functools.cache
def _formats() -> tuple[str, ...]:
    """The allow-list; HEIC joins it where its plugin is installed."""
    try:
        import pillow_heif  # noqa: PLC0415 - optional, and costs nothing until the first image
    except ImportError:
        return FORMATS
    pillow_heif.register_heif_opener()
    return (*FORMATS, "HEIF")


def _unidentified(data: bytes) -> ImageError:
    """No plugin took the bytes: damaged if they begin as an allowed format does, else something else."""
    for name in _formats():
        _, accept = Image.OPEN[name]
        if accept is not None and accept(data[:16]) and not _is_text(data[:64]):
            return ImageUndecodableError("the image is truncated or damaged")
    return UnsupportedFormatError(f"not an image of an allowed format ({', '.join(_formats())})")


def _is_text(data: bytes) -> bool:
    """Whether bytes that begin like a BMP ("BM") are printable text: "BMW …"."""
    return all(32 <= byte < 127 or byte in b"\t\r\n" for byte in data)  # noqa: PLR2004 - printable ASCII


def _refuse_too_many_pixels(image: Image.Image, max_pixels: int) -> None:
    width, height = image.size
    if width * height > max_pixels:
        raise TooManyPixelsError(
            f"the image has {width}x{height} pixels, more than the limit of {max_pixels}"
        )


def _orientation(image: Image.Image) -> int:
    try:
        return int(image.getexif().get(ExifTags.Base.Orientation, 1))
    except (SyntaxError, ValueError, TypeError, KeyError, EOFError, OverflowError, struct.error):
        return 1


def _draft(image: Image.Image, spec: ImageSpec) -> None:
    """Have a JPEG decoded small: at the nearest DCT scale of at least twice the size it will get."""
    if image.format not in _DRAFTABLE:  # and asking a PNG for its EXIF would decode all of it
        return
    turned = _orientation(image) >= 5  # noqa: PLR2004 - EXIF 5 to 8 turn by 90 degrees
    size = (image.height, image.width) if turned else image.size
    width, height = _whole_size(size, spec)
    wanted = (max(1, round(_REDUCING_GAP * width)), max(1, round(_REDUCING_GAP * height)))
    image.draft(None, (wanted[1], wanted[0]) if turned else wanted)


def upright(image: Image.Image) -> Image.Image:
    """Apply EXIF orientation. Read after loading: TIFF has applied its own, PNG's may come last."""
    transposition = _TRANSPOSITIONS.get(_orientation(image))
    return image if transposition is None else image.transpose(transposition)


def _resizable(image: Image.Image) -> Image.Image:
    """The picture in a mode that filters work on: L or RGB, or with premultiplied alpha La or RGBa.

    Gray stays gray and alpha stays alpha until the picture is small: at full size a copy more of it costs
    up to four bytes a pixel.
    """
    if image.mode.startswith("I;16"):
        return _gray_from_16_bit(image)
    if image.mode not in _MODES:
        raise UnsupportedFormatError(f"pixels of mode {image.mode} are not allowed")
    if image.has_transparency_data:
        if image.mode == "LA":
            return image.convert("La")
        return (image if image.mode == "RGBA" else image.convert("RGBA")).convert("RGBa")
    if image.mode in {"1", "L"}:
        return image.convert("L")
    return image if image.mode == "RGB" else image.convert("RGB")


def _flat(image: Image.Image) -> Image.Image:
    """RGB, with alpha laid over white."""
    if image.mode not in {"La", "RGBa"}:
        return image.convert("RGB")
    rgba = image.convert("LA" if image.mode == "La" else "RGBA").convert("RGBA")
    return Image.alpha_composite(Image.new("RGBA", image.size, "white"), rgba).convert("RGB")


def _gray_from_16_bit(image: Image.Image) -> Image.Image:
    """Scale by 1/257, so that 65535 becomes 255 (`convert("L")` would clip at 255 instead)."""
    values = np.asarray(image)
    transparent = image.info.get("transparency")  # a PNG may name one gray value as fully transparent
    gray = np.empty(values.shape, dtype=np.uint8)
    for top in range(0, len(values), _ROWS_AT_ONCE):
        rows = values[top : top + _ROWS_AT_ONCE].astype(np.uint32)
        if isinstance(transparent, int):
            rows[rows == transparent] = _WHITE_16_BIT
        gray[top : top + _ROWS_AT_ONCE] = (rows + 128) // 257
    if _is_white_zero(image):
        np.subtract(255, gray, out=gray)
    return Image.fromarray(gray)


def _is_white_zero(image: Image.Image) -> bool:
    """Whether 0 stands for white: Pillow turns such TIFFs round for 8 bits and leaves those of 16 alone."""
    tags = getattr(image, "tag_v2", {})
    return bool(tags.get(_PHOTOMETRIC_INTERPRETATION) == 0 and _PHOTOMETRIC_INTERPRETATION in tags)


def _whole_size(size: tuple[int, int], spec: ImageSpec) -> tuple[float, float]:
    """(width, height) that the whole picture takes after the fit, before `crop` cuts it."""
    if spec.fit == "stretch":
        return spec.width, spec.height
    width, height = size
    choose = max if spec.fit == "crop" else min
    scale = choose(spec.width / width, spec.height / height)
    return width * scale, height * scale


def _fit(image: Image.Image, spec: ImageSpec) -> Image.Image:
    target = (spec.width, spec.height)
    width, height = _whole_size(image.size, spec)
    if spec.fit == "stretch":
        return _flat(_resize(image, target, spec))
    if spec.fit == "crop":
        kept_width = min(image.width * spec.width / width, float(image.width))
        kept_height = min(image.height * spec.height / height, float(image.height))
        left, top = (image.width - kept_width) / 2, (image.height - kept_height) / 2
        box = (left, top, left + kept_width, top + kept_height)
        return _flat(_resize(image, target, spec, box=box))
    inner = _flat(_resize(image, (max(1, round(width)), max(1, round(height))), spec))
    frame = Image.new("RGB", target, spec.fill)
    frame.paste(inner, ((spec.width - inner.width) // 2, (spec.height - inner.height) // 2))
    return frame


def _resize(
    image: Image.Image,
    size: tuple[int, int],
    spec: ImageSpec,
    *,
    box: tuple[float, float, float, float] | None = None,
) -> Image.Image:
    resample = Image.Resampling[spec.filter.upper()]
    return image.resize(size, resample, box=box, reducing_gap=_REDUCING_GAP)
