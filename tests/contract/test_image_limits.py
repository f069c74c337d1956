"""What decoding may cost: limits from the header, and memory that has a bound."""

from __future__ import annotations

import contextlib
import re
import subprocess
import sys
from collections.abc import Iterator

import pytest
from PIL import Image

from contract.errors import ImageUndecodableError, TooManyPixelsError, UnsupportedFormatError
from contract.image import decode, size_in_header
from contract.image_spec import ImageSpec
from tests.pictures import encoded, picture, png_header_only

SAME_SIZE = ImageSpec(width=60, height=40)


def peak_megabytes(program: str, data: bytes) -> float:
    """Of a process that decodes these bytes; Pillow's own memory is counted too."""
    program += "\nprint(open('/proc/self/status').read())"
    result = subprocess.run([sys.executable, "-c", program], input=data, capture_output=True, check=True)
    (peak_kilobytes,) = re.findall(rb"VmHWM:\s+(\d+) kB", result.stdout)
    return int(peak_kilobytes) / 1000


DECODE = (
    "import sys; from contract.image import decode, _formats; from contract.image_spec import ImageSpec;"
    "_formats(); decode(sys.stdin.buffer.read(), ImageSpec())"
)
REFUSE = "import contextlib\nwith contextlib.suppress(Exception):\n " + DECODE


@pytest.mark.slow
def test_a_decompression_bomb_is_refused_by_its_header_without_its_memory() -> None:
    with pytest.raises(TooManyPixelsError):
        decode(png_header_only(30_000, 30_000), SAME_SIZE)

    small = peak_megabytes(REFUSE, encoded(Image.new("1", (8, 8))))
    bomb = peak_megabytes(REFUSE, encoded(Image.new("1", (30_000, 30_000))))
    assert bomb - small < 20


@pytest.mark.slow
@pytest.mark.parametrize("mode", ["RGB", "RGBA", "LA", "L"])
def test_the_largest_picture_allowed_costs_no_more_than_two_copies(mode: str) -> None:
    small = peak_megabytes(DECODE, encoded(Image.new(mode, (8, 8))))
    large = peak_megabytes(DECODE, encoded(Image.new(mode, (7000, 7000))))

    assert large - small < 2 * 4 * 49 * 1.1  # Pillow keeps four bytes a pixel


def test_what_is_about_to_be_decoded_is_announced() -> None:
    announced = []

    @contextlib.contextmanager
    def admit(pixels: int) -> Iterator[None]:
        announced.append(pixels)
        yield

    decode(encoded(picture()), SAME_SIZE, admit=admit)
    decode(encoded(Image.new("RGB", (4000, 3000)), "JPEG"), SAME_SIZE, admit=admit)

    assert announced == [2400, 500 * 375]


def test_pixels_are_limited_by_the_header() -> None:
    with pytest.raises(TooManyPixelsError, match="60x40"):
        decode(encoded(), SAME_SIZE, max_pixels=2399)

    assert decode(encoded(), SAME_SIZE, max_pixels=2400).shape == (40, 60, 3)


def test_the_size_is_read_from_the_header_alone() -> None:
    assert size_in_header(encoded(picture(60, 40))) == (60, 40)
    assert size_in_header(png_header_only(3000, 2000)) == (3000, 2000)


def test_where_no_size_can_be_read_the_error_is_that_of_decoding() -> None:
    for side in (8_000, 30_000):  # Pillow itself has a higher limit
        with pytest.raises(TooManyPixelsError):
            size_in_header(png_header_only(side, side))
    with pytest.raises(UnsupportedFormatError):
        size_in_header(b"text")
    with pytest.raises(ImageUndecodableError):
        size_in_header(encoded(picture(60, 40))[:20])
