from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from contract.errors import ImageUndecodableError
from tests.pictures import encoded, picture
from training.filters.photograph import read_photograph


def _read(tmp_path, image, *, side=32, **options):
    path = tmp_path / "photo"
    path.write_bytes(encoded(image, **options))
    return read_photograph(path, longest_side=side)


@pytest.mark.parametrize(
    ("size", "shape"), [((60, 40), (40, 60, 3)), ((40, 60), (60, 40, 3)), ((20, 20), (60, 60, 3))]
)
def test_a_photograph_keeps_its_shape_at_the_longest_side(tmp_path, size, shape):
    assert _read(tmp_path, picture(*size), side=60).shape == shape


@pytest.mark.parametrize("colour", ["black", "white"])
def test_a_photograph_of_the_frame_s_own_colour_is_no_frame(tmp_path, colour):
    assert _read(tmp_path, Image.new("RGB", (64, 32), colour)).shape == (16, 32, 3)


def test_the_pixels_of_a_photograph_of_that_size_are_its_own(tmp_path):
    assert np.array_equal(_read(tmp_path, picture(60, 40), side=60), np.asarray(picture(60, 40)))


def test_a_turned_photograph_stands_upright(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6

    assert _read(tmp_path, picture(60, 40), side=60, image_format="JPEG", exif=exif).shape == (60, 40, 3)


def test_what_is_no_photograph_is_refused_as_everywhere(tmp_path):
    path = tmp_path / "photo.png"
    path.write_bytes(encoded()[:60])

    with pytest.raises(ImageUndecodableError):
        read_photograph(path, longest_side=32)
