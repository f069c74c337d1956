"""Heat over a picture."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from serving.heat_overlay import overlay, overlay_png, turbo

GRAY = np.full((32, 48, 3), 120, dtype=np.uint8)


def half_hot() -> np.ndarray:
    """Cold on the left, hot on the right."""
    heatmap = np.zeros((32, 48), dtype=np.float32)
    heatmap[:, 24:] = 1
    return heatmap


def test_turbo_goes_from_dark_blue_over_green_to_dark_red() -> None:
    cold, middle, hot = turbo(np.array([0.1, 0.5, 1], dtype=np.float32))

    assert cold.argmax() == 2
    assert middle.argmax() == 1
    assert hot.argmax() == 0
    assert turbo(np.linspace(0, 1, 256, dtype=np.float32)).min() >= 0


def test_hot_places_are_red_and_cold_ones_keep_the_picture() -> None:
    picture = np.asarray(overlay(GRAY, half_hot())).astype(int)

    cold, hot = picture[100, 10], picture[100, -10]
    assert np.ptp(cold) == 0
    assert 80 <= cold[0] < 120
    assert hot[0] > hot[1] + 40
    assert hot[0] > hot[2] + 40


def test_a_map_without_any_heat_colours_nothing() -> None:
    picture = np.asarray(overlay(GRAY, np.zeros((32, 48), dtype=np.float32)))

    assert np.ptp(picture) == 0


@pytest.mark.parametrize(
    ("height", "width", "size"), [(8, 8, (384, 384)), (32, 48, (384, 256)), (600, 400, (400, 600))]
)
def test_a_small_picture_is_enlarged_by_a_whole_factor(
    height: int, width: int, size: tuple[int, int]
) -> None:
    pixels = np.zeros((height, width, 3), dtype=np.uint8)

    assert overlay(pixels, np.ones((height, width), dtype=np.float32)).size == size


def test_the_file_says_what_it_is_of() -> None:
    png = overlay_png(GRAY, half_hot(), label="雪割草", probability=0.25)

    with Image.open(io.BytesIO(png)) as image:
        image.load()
        assert (image.format, image.text["label"], image.text["probability"]) == ("PNG", "雪割草", "0.25")
