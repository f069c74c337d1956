"""What a caller may hand over, and that it arrives as it is."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from contract.image import decode
from contract.image_spec import ImageSpec
from miwake.client.errors import ImageUndecodableError, ImageUnreadableError, UnsupportedFormatError
from miwake.client.image_source import read_image
from tests.pictures import encoded, picture

SPEC = ImageSpec(height=40, width=60)


def pixels_of(source: Any) -> np.ndarray:
    """As the gateway decodes what is sent."""
    return decode(read_image(source).image_bytes, SPEC)


def test_bytes_and_files_are_sent_as_they_are(tmp_path: Path) -> None:
    jpeg = encoded(image_format="JPEG")
    path = tmp_path / "a.jpg"
    path.write_bytes(jpeg)

    for source in (jpeg, path, str(path)):
        assert read_image(source).image_bytes == jpeg


def test_a_path_is_called_what_it_is_unless_it_gets_a_name(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(encoded())

    assert read_image(path).name == str(path)
    assert read_image(path, name="rose").name == "rose"
    assert read_image(encoded()).name is None
    assert read_image(encoded(), name="rose").name == "rose"


def test_arrays_arrive_to_the_last_bit() -> None:
    pixels = np.random.default_rng(1).integers(0, 256, (40, 60, 3), dtype=np.uint8)

    assert np.array_equal(pixels_of(pixels), pixels)
    assert np.array_equal(pixels_of(pixels[::-1, ::-1]), pixels[::-1, ::-1])
    assert np.array_equal(pixels_of(pixels[:, :, 0]), np.stack([pixels[:, :, 0]] * 3, axis=2))


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "PA", "RGB", "RGBA", "RGBX", "CMYK", "YCbCr"])
def test_pil_images_arrive_as_the_decoder_would_see_them(mode: str) -> None:
    image = picture().convert("P").convert("PA") if mode == "PA" else picture().convert(mode)

    assert np.array_equal(pixels_of(image), np.asarray(image.convert("RGB")))


def test_16_bits_stay_16_bits() -> None:
    gray = np.arange(2400, dtype=np.uint16).reshape(40, 60) * 27
    image = Image.fromarray(gray)

    assert image.mode == "I;16"
    assert np.array_equal(pixels_of(image)[:, :, 0], (gray.astype(np.uint32) + 128) // 257)


def test_alpha_is_laid_over_white_by_the_gateway_as_always() -> None:
    image = picture()
    image.putalpha(64)

    assert np.array_equal(pixels_of(image), decode(encoded(image), SPEC))


def test_a_turned_photograph_is_turned_as_its_file_would_be() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    png = encoded(picture(), exif=exif)
    jpeg = encoded(picture(), "JPEG", exif=exif, quality=95)

    assert np.array_equal(pixels_of(Image.open(io.BytesIO(png))), decode(png, SPEC))
    from_image, from_file = pixels_of(Image.open(io.BytesIO(jpeg))), decode(jpeg, SPEC)
    assert np.abs(from_image.astype(int) - from_file).mean() < 3  # the file is decoded small


@pytest.mark.parametrize(
    "source",
    [
        b"",
        np.zeros((4, 4, 3), dtype=np.float32),
        np.zeros((4, 4, 3), dtype=np.int64),
        np.zeros((4, 4, 4), dtype=np.uint8),
        np.zeros((1, 4, 4, 3), dtype=np.uint8),
        np.zeros((0, 4, 3), dtype=np.uint8),
        np.zeros(4, dtype=np.uint8),
        Image.new("F", (4, 4)),
        Image.new("I", (4, 4)),
        Image.new("HSV", (4, 4)),
        Image.new("LAB", (4, 4)),
        Image.new("RGB", (0, 4)),
    ],
    ids=lambda source: f"{getattr(source, 'dtype', source)!s}{getattr(source, 'shape', '')}"[:40],
)
def test_what_the_decoder_would_refuse_or_change_is_not_sent(source: Any) -> None:
    with pytest.raises(UnsupportedFormatError) as error:
        read_image(source, name="rose")

    assert (error.value.status, error.value.name) == (None, "rose")


def test_a_file_that_cannot_be_read_is_said_by_name(tmp_path: Path) -> None:
    for path, why in (
        (tmp_path / "nowhere.jpg", "No such file"),
        (tmp_path, "Is a directory"),
        (tmp_path / "a\0b.jpg", "embedded null byte"),
    ):
        with pytest.raises(ImageUnreadableError, match=f"{path}: {why}") as error:
            read_image(path)

        assert (error.value.code, error.value.name) == ("image_unreadable", str(path))


def test_a_pil_image_of_half_a_file_is_damaged() -> None:
    png = encoded(picture(600, 400))
    half = Image.open(io.BytesIO(png[: len(png) // 2]))

    with pytest.raises(ImageUndecodableError, match="truncated or damaged"):
        read_image(half)


@pytest.mark.parametrize("source", [None, 7, [b"image"], io.BytesIO(b"image")])
def test_what_is_no_image_at_all_is_a_mistake_of_the_program(source: Any) -> None:
    with pytest.raises(TypeError, match="an image is a path, bytes, a PIL image or an array"):
        read_image(source)
