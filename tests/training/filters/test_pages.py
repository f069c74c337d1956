from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

pytestmark = pytest.mark.tensorflow


def _drawn(count, *, side=24):
    from training.filters.ascent import Drawn

    random = np.random.default_rng(0)
    return [
        Drawn(title=str(n), picture=random.uniform(0, 255, (side, side, 3)).astype(np.float32), remark=None)
        for n in range(count)
    ]


def _width(path):
    with Image.open(path) as image:
        return image.width


def test_a_page_is_as_square_as_can_be():
    from training.filters.grid import page

    assert page(_drawn(16)).size == (4 * 30 + 6, 4 * 50 + 6)
    assert page(_drawn(17)).size == (5 * 30 + 6, 4 * 50 + 6)
    assert page(_drawn(1)).size == (36, 56)


def test_a_picture_gets_one_contrast_and_a_plain_one_keeps_its_colour():
    from training.filters.grid import with_contrast

    faint = np.random.default_rng(0).normal(120, 8, (50, 50, 3)).astype(np.float32)

    assert with_contrast(faint).std() == pytest.approx(51, rel=0.02)
    assert (with_contrast(np.full((4, 4, 3), 250, np.float32)) == 250).all()


def test_few_pictures_are_one_file_and_many_a_page_for_16(tmp_path):
    from training.filters.pages import save_pages

    assert save_pages(_drawn(3), tmp_path / "a.png", name="conv") == [tmp_path / "a.png"]
    assert save_pages(_drawn(25), tmp_path / "d", name="conv") == [tmp_path / "d" / "conv.png"]
    many = save_pages(_drawn(40), tmp_path / "d", name="conv")

    assert [path.name for path in many] == ["conv-1.png", "conv-2.png", "conv-3.png"]
    assert [_width(path) for path in many] == [126, 126, 96]


@pytest.mark.parametrize(
    ("out", "pictures", "line"),
    [
        ("nowhere/a.png", 1, "there is no folder"),
        ("a.jpg", 1, "is neither a .png nor a folder"),
        ("a.png", 26, "26 pictures take several pages: name a folder"),
    ],
)
def test_where_nothing_could_be_written_is_said_before_the_work(tmp_path, out, pictures, line):
    from training.filters.errors import TargetError
    from training.filters.pages import check_out

    with pytest.raises(TargetError, match=line):
        check_out(tmp_path / out, pictures=pictures)
