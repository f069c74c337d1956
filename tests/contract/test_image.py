"""The image policy: every format and mode, orientation, limits, and the codes of what is refused."""

from __future__ import annotations

import io
import struct

import numpy as np
import pytest
from PIL import Image

from contract.errors import (
    ImageError,
    ImageUndecodableError,
    UnsupportedFormatError,
)
from contract.image import decode, pixels_sha256
from contract.image_spec import ImageSpec
from tests.pictures import encoded, picture

SAME_SIZE = ImageSpec(width=60, height=40)
LOSSLESS = {"PNG": {}, "BMP": {}, "TIFF": {}, "WEBP": {"lossless": True}, "GIF": {}}
LOSSY = {"JPEG": {"quality": 95}, "AVIF": {"quality": 90}, "HEIF": {"quality": 90}}


def gray_levels(image: Image.Image) -> np.ndarray:
    return decode(encoded(image), ImageSpec(width=image.width, height=image.height))[..., 0]


@pytest.mark.parametrize("image_format", [f for f in LOSSLESS if f != "GIF"])
def test_a_lossless_file_of_the_target_size_keeps_every_pixel(image_format: str) -> None:
    data = encoded(picture(), image_format, **LOSSLESS[image_format])

    assert np.array_equal(decode(data, SAME_SIZE), np.asarray(picture()))


@pytest.mark.parametrize("image_format", [*LOSSY, "GIF"])
def test_a_lossy_file_is_close_to_its_original(image_format: str) -> None:
    decode(encoded(), SAME_SIZE)  # registers the HEIC plugin
    data = encoded(picture(), image_format, **LOSSY.get(image_format, {}))

    difference = decode(data, SAME_SIZE).astype(int) - np.asarray(picture()).astype(int)

    assert np.abs(difference).mean() < 12


def test_decoded_pixels_are_uint8_rgb_of_the_specs_size() -> None:
    pixels = decode(encoded(), ImageSpec(height=32, width=48))

    assert (pixels.shape, pixels.dtype) == ((32, 48, 3), np.uint8)


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("image_format", ["JPEG", "PNG", "WEBP", "TIFF"])
def test_exif_orientation_is_applied(image_format: str, orientation: int) -> None:
    undo = {2: 0, 3: 3, 4: 1, 5: 5, 6: 2, 7: 6, 8: 4}  # Pillow's Transpose values, inverted
    stored = picture() if orientation == 1 else picture().transpose(Image.Transpose(undo[orientation]))
    exif = Image.Exif()
    exif[0x0112] = orientation
    data = encoded(stored, image_format, exif=exif, quality=95)

    difference = decode(data, SAME_SIZE).astype(int) - np.asarray(picture()).astype(int)

    assert np.abs(difference).mean() < 4


def test_a_large_turned_jpeg_equals_the_upright_one_when_drafted() -> None:
    upright = picture(1200, 800)
    exif = Image.Exif()
    exif[0x0112] = 6
    turned = encoded(upright.transpose(Image.Transpose.ROTATE_90), "JPEG", exif=exif, quality=95)

    difference = decode(turned, SAME_SIZE).astype(int) - decode(
        encoded(upright, "JPEG", quality=95), SAME_SIZE
    ).astype(int)

    assert np.abs(difference).max() <= 4


INFINITE_ORIENTATION = (
    b"Exif\0\0II*\0\x08\0\0\0\x01\0\x12\x01\x0b\0\x01\0\0\0" + struct.pack("<f", float("inf")) + b"\0\0\0\0"
)


@pytest.mark.parametrize("exif", [b"Exif\0\0garbage, not TIFF", INFINITE_ORIENTATION])
def test_a_damaged_exif_block_counts_as_none(exif: bytes) -> None:
    data = encoded(picture(), "PNG", exif=exif)

    assert np.array_equal(decode(data, SAME_SIZE), np.asarray(picture()))


def test_alpha_is_laid_over_white() -> None:
    image = Image.new("RGBA", (4, 4), (255, 0, 0, 0))
    image.paste((0, 0, 255, 128), (0, 0, 2, 4))

    pixels = decode(encoded(image), ImageSpec(width=4, height=4))

    assert pixels[0, 3].tolist() == [255, 255, 255]
    assert pixels[0, 0].tolist() == [127, 127, 255]


def test_a_palettes_transparent_colour_is_laid_over_white() -> None:
    image = Image.new("P", (4, 4), 1)
    image.putpalette([10, 20, 30, 200, 100, 0])
    image.paste(0, (0, 0, 2, 4))

    pixels = decode(encoded(image, transparency=0), ImageSpec(width=4, height=4))

    assert pixels[0, 0].tolist() == [255, 255, 255]
    assert pixels[0, 3].tolist() == [200, 100, 0]


def test_gray_with_alpha_is_laid_over_white() -> None:
    pixels = decode(encoded(Image.new("LA", (4, 4), (0, 0))), ImageSpec(width=4, height=4))

    assert pixels.min() == 255


def test_gray_becomes_three_equal_channels() -> None:
    pixels = decode(encoded(picture().convert("L")), SAME_SIZE)

    assert np.array_equal(pixels[..., 0], np.asarray(picture().convert("L")))
    assert np.array_equal(pixels[..., 0], pixels[..., 2])


def test_black_and_white_becomes_0_and_255() -> None:
    assert set(np.unique(gray_levels(picture().convert("1")))) == {0, 255}


def test_16_bit_gray_is_scaled_by_257_and_not_clipped() -> None:
    values = np.array([[0, 257, 32896, 65535]], dtype=np.uint16).repeat(4, axis=0)

    assert gray_levels(Image.fromarray(values))[0].tolist() == [0, 1, 128, 255]


def test_16_bit_gray_tiff_of_either_byte_order_is_scaled_alike() -> None:
    values = np.array([[0, 257, 32896, 65535]], dtype=np.uint16).repeat(4, axis=0)
    spec = ImageSpec(width=4, height=4)
    little = decode(encoded(Image.fromarray(values), "TIFF"), spec)
    big = decode(encoded(Image.fromarray(values.astype(">u2")), "TIFF"), spec)

    assert little[0, :, 0].tolist() == [0, 1, 128, 255]
    assert np.array_equal(little, big)


def test_a_transparent_16_bit_gray_value_is_white() -> None:
    values = np.array([[0, 257, 32896, 65535]], dtype=np.uint16).repeat(4, axis=0)
    data = encoded(Image.fromarray(values), transparency=257)

    assert decode(data, ImageSpec(width=4, height=4))[0, :, 0].tolist() == [0, 255, 128, 255]


@pytest.mark.parametrize("photometric", [0, 1])
def test_a_16_bit_tiff_in_which_0_is_white_is_no_negative(photometric: int) -> None:
    values = np.array([[0, 257, 32896, 65535]], dtype=np.uint16).repeat(4, axis=0)
    stored = values if photometric else 65535 - values
    data = encoded(Image.fromarray(stored), "TIFF", tiffinfo={262: photometric})

    assert decode(data, ImageSpec(width=4, height=4))[0, :, 0].tolist() == [0, 1, 128, 255]


def test_alpha_is_laid_over_white_before_colours_mix() -> None:
    image = Image.new("RGBA", (200, 200), (255, 0, 0, 0))  # invisible red beside visible blue
    image.paste((0, 0, 255, 255), (0, 0, 100, 200))

    pixels = decode(encoded(image), ImageSpec(width=3, height=3))

    assert pixels[1, 1, 0] == pixels[1, 1, 1]
    assert pixels[1, 1, 2] > 250


def test_cmyk_becomes_rgb() -> None:
    data = encoded(Image.new("CMYK", (8, 8), (0, 255, 255, 0)), "JPEG", quality=95)

    red, green, blue = decode(data, ImageSpec(width=8, height=8))[4, 4]

    assert red > 250
    assert green < 5
    assert blue < 5


def test_a_large_cmyk_jpeg_is_drafted_and_stays_right() -> None:
    data = encoded(Image.new("CMYK", (1600, 1600), (255, 0, 0, 0)), "JPEG", quality=95)

    red, green, blue = decode(data, ImageSpec(width=8, height=8))[4, 4]

    assert red < 5
    assert green > 250
    assert blue > 250


def test_only_the_first_frame_of_an_animation_is_decoded() -> None:
    frames = [Image.new("RGB", (4, 4), colour) for colour in ("red", "blue")]
    for image_format in ("GIF", "WEBP", "PNG", "AVIF"):
        data = encoded(frames[0], image_format, save_all=True, append_images=frames[1:], quality=95)

        assert decode(data, ImageSpec(width=4, height=4))[2, 2, 0] > 240


@pytest.mark.parametrize("mode", ["F", "I"])
def test_float_and_32_bit_modes_are_refused(mode: str) -> None:
    with pytest.raises(UnsupportedFormatError, match=f"mode {mode}"):
        decode(encoded(Image.new(mode, (4, 4)), "TIFF"), SAME_SIZE)


@pytest.mark.parametrize(
    "data", [b"", b"hello, I am a text", b"BMW is a car", b"%PDF-1.7", encoded(picture(), "PPM")]
)
def test_what_is_not_an_allowed_format_is_refused(data: bytes) -> None:
    with pytest.raises(UnsupportedFormatError):
        decode(data, SAME_SIZE)


@pytest.mark.parametrize("image_format", [*LOSSLESS, "JPEG", "AVIF"])
def test_a_truncated_file_is_undecodable(image_format: str) -> None:
    data = encoded(picture(), image_format)

    with pytest.raises(ImageUndecodableError):
        decode(data[: len(data) // 2], SAME_SIZE)


def test_a_file_cut_within_its_magic_header_is_undecodable_not_unsupported() -> None:
    with pytest.raises(ImageUndecodableError):
        decode(encoded(picture(), "JPEG")[:20], SAME_SIZE)


def test_every_image_error_has_a_code_of_its_own_kind() -> None:
    own = [error for error in ImageError.__subclasses__() if error.__module__ == "contract.errors"]
    codes = {error.code for error in own}

    assert codes == {"unsupported_format", "image_undecodable", "too_many_pixels"}


def test_crop_fills_the_frame_and_keeps_the_middle() -> None:
    image = Image.new("RGB", (90, 30), "red")
    image.paste("blue", (30, 0, 60, 30))

    pixels = decode(encoded(image), ImageSpec(width=30, height=30, fit="crop"))

    assert (pixels == [0, 0, 255]).all(axis=-1).mean() > 0.9


def test_pad_shows_the_whole_picture_on_the_fill_colour() -> None:
    image = Image.new("RGB", (90, 30), "red")

    pixels = decode(encoded(image), ImageSpec(width=30, height=30, fit="pad", fill=(1, 2, 3)))

    assert pixels[0, 0].tolist() == [1, 2, 3]
    assert pixels[29, 29].tolist() == [1, 2, 3]
    assert (pixels[10:20] == [255, 0, 0]).all()


@pytest.mark.parametrize("fit", ["stretch", "crop", "pad"])
def test_drafting_a_jpeg_changes_next_to_nothing(fit: str) -> None:
    spec = ImageSpec(width=64, height=64, fit=fit)  # type: ignore[arg-type]
    image = picture(1500, 1000)
    drafted = decode(encoded(image, "JPEG", quality=95, subsampling=0), spec)

    whole = decode(encoded(image, "PNG"), spec)

    assert np.abs(drafted.astype(int) - whole.astype(int)).mean() < 3


@pytest.mark.parametrize("size", [(2000, 1), (1, 2000), (10, 65_000), (40_000, 40)])
@pytest.mark.parametrize("image_format", ["JPEG", "PNG"])
@pytest.mark.parametrize("fit", ["stretch", "crop", "pad"])
def test_an_extreme_aspect_ratio_still_fits(fit: str, image_format: str, size: tuple[int, int]) -> None:
    spec = ImageSpec(width=224, height=224, fit=fit)  # type: ignore[arg-type]

    assert decode(encoded(Image.new("RGB", size), image_format), spec).shape == (224, 224, 3)


@pytest.mark.parametrize("side", [128, 224, 448])
def test_crop_takes_pictures_of_any_size(side: int) -> None:
    spec = ImageSpec(width=side, height=side, fit="crop")

    for width in range(40, 640, 7):
        for height in (55, 300, 333, 499):
            assert decode(encoded(Image.new("L", (width, height))), spec).shape == (side, side, 3)


def test_equal_pixels_have_equal_digests() -> None:
    image = np.asarray(Image.open(io.BytesIO(encoded())))

    assert pixels_sha256(image) == pixels_sha256(image[::1].copy())
    assert pixels_sha256(image) != pixels_sha256(image[::-1])
