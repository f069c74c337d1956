"""A heat map laid over the image it speaks of, as a PNG for people to look at."""

from __future__ import annotations

import io

import numpy as np
import numpy.typing as npt
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from contract.image import Pixels

# Small networks' pictures are enlarged by a whole factor until a person can see something.
_LEAST_SIDE = 384
# Anton Mikhailov's polynomials of Turbo, a perceptually smoother rainbow (Google AI blog, 2019; Apache-2.0),
# from the constant upwards, for red, green and blue.
_TURBO = np.array(
    [
        [0.13572138, 4.61539260, -42.66032258, 132.13108234, -152.94239396, 59.28637943],
        [0.09140261, 2.19418839, 4.84296658, -14.18503333, 4.27729857, 2.82956604],
        [0.10667330, 12.64194608, -60.58204836, 110.36276771, -89.90310912, 27.34824973],
    ]
)
# What is cold stays a photograph, only calmer; what is hot shows the colour, with the picture still in it.
_DIMMED = 0.75
_MOST_COLOUR = 0.65


def overlay(pixels: Pixels, heatmap: npt.NDArray[np.float32]) -> Image.Image:
    """Colour an image by its heat map.

    Args:
        pixels: uint8 [H, W, 3], the image as the model saw it.
        heatmap: float32 [H, W] in [0, 1].

    Returns:
        RGB, enlarged by a whole factor where it is small.
    """
    height, width = heatmap.shape
    factor = max(1, -(-_LEAST_SIDE // max(height, width)))
    size = (factor * width, factor * height)
    picture = np.asarray(Image.fromarray(pixels).resize(size, Image.Resampling.BICUBIC), dtype=np.float32)
    # Bicubic would overshoot: heat stays within its bounds by the linear filter.
    heat = np.asarray(Image.fromarray(heatmap).resize(size, Image.Resampling.BILINEAR))[..., np.newaxis]
    calm = _DIMMED * (0.5 * picture + 0.5 * picture.mean(axis=2, keepdims=True))
    base = heat * picture + (1 - heat) * calm
    colour = 255 * turbo(heat[..., 0])
    mixed = base + _MOST_COLOUR * heat * (colour - base)
    return Image.fromarray(np.clip(np.round(mixed), 0, 255).astype(np.uint8))


def overlay_png(pixels: Pixels, heatmap: npt.NDArray[np.float32], *, label: str, probability: float) -> bytes:
    """The same as a file, which says in its text what it is of."""
    text = PngInfo()
    text.add_itxt("label", label)
    text.add_text("probability", f"{probability:g}")
    buffer = io.BytesIO()
    overlay(pixels, heatmap).save(buffer, "PNG", pnginfo=text)
    return buffer.getvalue()


def turbo(values: npt.NDArray[np.float32]) -> npt.NDArray[np.float64]:
    """Colours of values in [0, 1], dark blue to dark red: the same shape with RGB in [0, 1] behind."""
    powers = np.asarray(values)[..., np.newaxis] ** np.arange(_TURBO.shape[1])
    colours: npt.NDArray[np.float64] = np.clip(powers @ _TURBO.T, 0, 1)
    return colours
