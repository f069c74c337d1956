"""Pages of pictures, each with its title."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from contract.image import Pixels
from training.filters.ascent import Drawn, Pictures

_CONTRAST = 51.0  # standard deviation of a picture, in grey levels
_PLAIN = 5.0  # as much makes no contrast
_PAPER, _INK = (255, 255, 255), (40, 40, 40)
_GAP = 6  # pixels
_FONT_SIZE = 13
_LINE = 20  # pixels


def page(drawn: Sequence[Drawn]) -> Image.Image:
    """A grid as square as can be, in reading order; pictures of one size, each at its own contrast."""
    columns = math.ceil(math.sqrt(len(drawn)))
    height, width, _ = drawn[0].picture.shape
    cell_height, cell_width = height + _LINE + _GAP, width + _GAP
    rows = math.ceil(len(drawn) / columns)
    paper = Image.new("RGB", (columns * cell_width + _GAP, rows * cell_height + _GAP), _PAPER)
    pen = ImageDraw.Draw(paper)
    font = ImageFont.load_default(_FONT_SIZE)
    for number, tile in enumerate(drawn):
        left, top = (number % columns) * cell_width + _GAP, (number // columns) * cell_height + _GAP
        pen.text((left + width / 2, top + _LINE / 2), tile.title, fill=_INK, font=font, anchor="mm")
        paper.paste(Image.fromarray(with_contrast(tile.picture)), (left, top + _LINE))
    return paper


def with_contrast(picture: Pictures) -> Pixels:
    """A picture about its own mean at one contrast, uint8 [H, W, 3]; one that is almost plain stays so."""
    mean = picture.mean()
    stretched = mean + (picture - mean) * (_CONTRAST / max(picture.std(), _PLAIN))
    pixels: Pixels = np.rint(np.clip(stretched, 0, 255)).astype(np.uint8)
    return pixels
