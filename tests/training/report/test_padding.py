from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from contract.image import decode
from contract.image_spec import ImageSpec
from tests.pictures import encoded, picture
from training.report.padding import padding


def _noise(height, width):
    return np.random.default_rng(0).integers(0, 256, (height, width, 3)).astype(np.uint8)


def _bars(pixels, *, rows=(0, 0), columns=(0, 0), colour=0):
    return np.pad(pixels, (rows, columns, (0, 0)), constant_values=colour)


@pytest.mark.parametrize(
    ("rows", "columns"), [((3, 5), (0, 0)), ((0, 0), (4, 4)), ((0, 7), (0, 0)), ((2, 2), (3, 3))]
)
def test_bars_of_any_colour_are_found_on_any_side(rows, columns):
    for colour in (0, 127, 255):
        mask = padding(_bars(_noise(20, 30), rows=rows, columns=columns, colour=colour))

        inside = mask[rows[0] : 20 + rows[0], columns[0] : 30 + columns[0]]
        assert not inside.any()
        assert mask.sum() == mask.size - inside.size


def test_bars_may_have_different_colours():
    pixels = _bars(_bars(_noise(20, 20), rows=(4, 0)), rows=(0, 6), colour=255)

    assert padding(pixels).sum() == 10 * 20


def test_a_picture_up_to_its_edges_has_none():
    assert not padding(_noise(16, 16)).any()


def test_a_row_of_one_colour_inside_is_no_padding():
    pixels = _noise(16, 16)
    pixels[8] = 0

    assert not padding(pixels).any()


def test_a_plain_picture_is_nothing_else():
    assert padding(np.full((8, 8, 3), 90, np.uint8)).all()


@pytest.mark.parametrize("kind", ["PNG", "JPEG"])
def test_the_decoders_own_padding_is_found(kind):
    pixels = decode(encoded(picture(width=90, height=30), kind), ImageSpec(height=60, width=60, fit="pad"))

    mask = padding(pixels)

    assert mask.mean() == pytest.approx(2 / 3, abs=0.02)
    assert not mask[20:40].any()


def test_bars_within_a_jpeg_are_found_though_not_quite_plain():
    whole = Image.fromarray(_bars(np.array(picture(width=96, height=48)), rows=(24, 24), colour=10))

    pixels = decode(encoded(whole, "JPEG"), ImageSpec(height=96, width=96))

    assert padding(pixels).mean() == pytest.approx(0.5, abs=0.06)
