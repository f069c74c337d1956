"""Damaged pictures of every format, the same ones for the same seed."""

from __future__ import annotations

import importlib.util
import random
from collections.abc import Callable, Iterator

from tests.pictures import encoded, picture

_NUMBERS = (0x00, 0x01, 0x7F, 0x80, 0xFF)
_HEADER_BYTES = 64
Mutation = Callable[[bytearray, random.Random], None]


def whole_pictures() -> dict[str, bytes]:
    """A small picture of every format and of the modes that have code of their own."""
    small, larger = picture(), picture(320, 240)
    files = {
        "jpeg": encoded(larger, "JPEG"),
        "jpeg progressive": encoded(larger, "JPEG", progressive=True),
        "jpeg cmyk": encoded(small.convert("CMYK"), "JPEG"),
        "png": encoded(small),
        "png palette": encoded(small.convert("P")),
        "png 16 bits": encoded(small.convert("I;16")),
        "webp": encoded(larger, "WEBP"),
        "webp lossless": encoded(small, "WEBP", lossless=True),
        "avif": encoded(small, "AVIF"),
        "gif": encoded(small, "GIF", save_all=True, append_images=[picture(seed=9)]),
        "bmp": encoded(small, "BMP"),
        "tiff": encoded(small, "TIFF"),
        "tiff deflate": encoded(small, "TIFF", compression="tiff_adobe_deflate"),
    }
    if importlib.util.find_spec("pillow_heif"):
        import pillow_heif

        pillow_heif.register_heif_opener()
        files["heic"] = encoded(small, "HEIF")
    return files


def damaged_pictures(count: int, *, seed: int) -> Iterator[tuple[str, bytes]]:
    """So many damaged files, the formats in turn: (what was damaged, the bytes)."""
    generator = random.Random(seed)  # noqa: S311 - the same ones every time
    files = list(whole_pictures().items())
    for number in range(count):
        name, data = files[number % len(files)]
        damaged = bytearray(data)
        for _ in range(generator.choice((1, 1, 1, 2, 4, 16))):
            generator.choice(_MUTATIONS)(damaged, generator)
        if generator.random() < 0.05:  # the beginning of one, the rest of another
            damaged[_HEADER_BYTES:] = generator.choice(files)[1][_HEADER_BYTES:]
        yield name, bytes(damaged) or b"\0"


def _flip_a_bit(data: bytearray, generator: random.Random) -> None:
    if data:
        data[generator.randrange(len(data))] ^= 1 << generator.randrange(8)


def _change_the_header(data: bytearray, generator: random.Random) -> None:
    if data:
        data[generator.randrange(min(len(data), _HEADER_BYTES))] = generator.choice(_NUMBERS)


def _overwrite(data: bytearray, generator: random.Random) -> None:
    at = generator.randrange(len(data) + 1)
    data[at : at + 4] = generator.choice(
        (b"\0" * 4, b"\xff" * 4, b"\x7f\xff\xff\xff", generator.randbytes(4))
    )


def _cut_off(data: bytearray, generator: random.Random) -> None:
    del data[generator.randrange(len(data) + 1) :]


def _take_out(data: bytearray, generator: random.Random) -> None:
    at = generator.randrange(len(data) + 1)
    del data[at : at + generator.randrange(1, 64)]


def _repeat(data: bytearray, generator: random.Random) -> None:
    at = generator.randrange(len(data) + 1)
    data[at:at] = data[at : at + generator.randrange(1, 256)]


_MUTATIONS: tuple[Mutation, ...] = (
    _flip_a_bit,
    _flip_a_bit,
    _change_the_header,
    _overwrite,
    _cut_off,
    _take_out,
    _repeat,
)
