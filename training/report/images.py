"""Pixels and charts as images inside the page."""

from __future__ import annotations

import base64
import io

import numpy as np
import numpy.typing as npt
from matplotlib.figure import Figure
from PIL import Image

from training.report.markup import Child, Markup, element, joined

_LARGEST_SIDE = 224  # pixels; what a tile shows on a screen of twice the usual density
_SMALL_SIDE = 64  # pixels; below, every one counts and a PNG takes no more room
_JPEG_QUALITY = 88


def photograph(pixels: npt.NDArray[np.uint8], *, alt: str) -> Markup:
    """An image element of uint8 [H, W, 3]."""
    image = Image.fromarray(pixels)
    image.thumbnail((_LARGEST_SIDE, _LARGEST_SIDE))
    is_small = max(image.size) <= _SMALL_SIDE
    file = io.BytesIO()
    if is_small:
        image.save(file, "PNG")
    else:
        image.save(file, "JPEG", quality=_JPEG_QUALITY)
    uri = _data_uri(file.getvalue(), "image/png" if is_small else "image/jpeg")
    return element("img", src=uri, alt=alt, class_="small" if is_small else "photograph")


def chart(figure: Figure, *, alt: str, caption: Child) -> Markup:
    """A figure element with a matplotlib figure as SVG: sharp on any screen and on paper."""
    file = io.BytesIO()
    figure.savefig(file, format="svg", metadata={"Date": None}, transparent=True)
    image = element("img", src=_data_uri(file.getvalue(), "image/svg+xml"), alt=alt)
    return element("figure", image, element("figcaption", caption), class_="chart")


def tile(*images: Markup, caption: Child, wrong: bool = False) -> Markup:
    """Images above their caption; framed where the answer is wrong."""
    kind = "tile wrong" if wrong else "tile"
    return element(
        "figure", element("div", *images, class_="side-by-side"), element("figcaption", caption), class_=kind
    )


def tiles(children: list[Markup], *, columns: int) -> Markup:
    """A grid."""
    return element("div", joined(children), class_="tiles", style=f"--columns: {columns}")


def _data_uri(content: bytes, kind: str) -> str:
    return f"data:{kind};base64,{base64.b64encode(content).decode('ascii')}"
