"""Pictures made of formulas: golden examples that show nobody's photographs.

They need not look like anything the model knows. They must be told apart firmly, so that rounding on
another machine cannot change the answer, and they exercise the decoder: PNG and JPEG, gray, alpha, sizes
that are not the model's.
"""

from __future__ import annotations

import io
from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
from PIL import Image

_SIDES = ((96, 96), (128, 80), (72, 112))


def generated_images(count: int = 48) -> tuple[bytes, ...]:
    """Encoded pictures, the same at every call."""
    rng = np.random.default_rng(20_170_612)
    return tuple(_encoded(index, picture) for index, picture in enumerate(_pictures(count, rng)))


def _pictures(count: int, rng: np.random.Generator) -> Iterator[npt.NDArray[np.uint8]]:
    makers = (_gradient, _disc, _stripes, _checks)
    for index in range(count):
        height, width = _SIDES[index % len(_SIDES)]
        rows, columns = np.mgrid[0:height, 0:width].astype(np.float64)
        share = makers[index % len(makers)](rows / height, columns / width, rng)[..., None]
        first, second = rng.uniform(0, 255, (2, 3))
        yield (share * first + (1 - share) * second).astype(np.uint8)


def _gradient(
    y: npt.NDArray[np.float64], x: npt.NDArray[np.float64], rng: np.random.Generator
) -> npt.NDArray[np.float64]:
    angle = rng.uniform(0, np.pi / 2)
    shares: npt.NDArray[np.float64] = (np.cos(angle) * x + np.sin(angle) * y) / np.sqrt(2)
    return shares


def _disc(
    y: npt.NDArray[np.float64], x: npt.NDArray[np.float64], rng: np.random.Generator
) -> npt.NDArray[np.float64]:
    centre_y, centre_x = rng.uniform(0.3, 0.7, 2)
    radius = rng.uniform(0.15, 0.4)
    shares: npt.NDArray[np.float64] = np.where(
        (y - centre_y) ** 2 + (x - centre_x) ** 2 < radius**2, 1.0, 0.0
    )
    return shares


def _stripes(
    y: npt.NDArray[np.float64], x: npt.NDArray[np.float64], rng: np.random.Generator
) -> npt.NDArray[np.float64]:
    angle, waves = rng.uniform(0, np.pi), rng.uniform(2, 12)
    shares: npt.NDArray[np.float64] = 0.5 + 0.5 * np.sin(
        2 * np.pi * waves * (np.cos(angle) * x + np.sin(angle) * y)
    )
    return shares


def _checks(
    y: npt.NDArray[np.float64], x: npt.NDArray[np.float64], rng: np.random.Generator
) -> npt.NDArray[np.float64]:
    squares = rng.integers(2, 9)
    return ((np.floor(y * squares) + np.floor(x * squares)) % 2).astype(np.float64)


def _encoded(index: int, picture: npt.NDArray[np.uint8]) -> bytes:
    """Every third is a PNG (of them, gray and alpha take turns), the others JPEG."""
    image = Image.fromarray(picture)
    buffer = io.BytesIO()
    if index % 3:
        image.save(buffer, "JPEG", quality=90)
        return buffer.getvalue()
    if index % 2:
        image.putalpha(Image.linear_gradient("L").resize(image.size))
    image.save(buffer, "PNG", optimize=True)
    return buffer.getvalue()
