"""Encoded images made by code, for tests of every package."""

from __future__ import annotations

import io
import struct
import zlib
from typing import Any

import numpy as np
from PIL import Image


def picture(width: int = 60, height: int = 40, *, seed: int = 0) -> Image.Image:
    """A smooth RGB picture with a bright corner: no two of its orientations are alike."""
    y, x = np.mgrid[0:height, 0:width]
    red = 255 * x / max(width - 1, 1)
    green = 255 * y / max(height - 1, 1)
    blue = np.where((x < width / 4) & (y < height / 4), 250, 20 + seed)
    return Image.fromarray(np.stack([red, green, blue], axis=-1).astype(np.uint8))


def encoded(image: Image.Image | None = None, image_format: str = "PNG", **options: Any) -> bytes:
    """The bytes of a file of that format."""
    buffer = io.BytesIO()
    (image or picture()).save(buffer, image_format, **options)
    return buffer.getvalue()


def colour_picture(colour: str) -> bytes:
    """A PNG of one colour."""
    return encoded(Image.new("RGB", (32, 24), colour))


def png_header_only(width: int, height: int) -> bytes:
    """A PNG that announces a size and holds next to nothing: a decompression bomb's header."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", zlib.compress(b"\0" * 1000))
        + chunk(b"IEND", b"")
    )
