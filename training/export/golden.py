"""Chooses the examples a model must reproduce wherever it runs."""

from __future__ import annotations

import io
from collections.abc import Iterable
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from contract.image import Pixels, decode, pixels_sha256
from contract.image_spec import ImageSpec
from contract.manifest import Golden, GoldenExample
from training.calibration import softmax
from training.errors import ExportError

MAX_PROBABILITY_DIFFERENCE = 0.02  # TF32 on a GPU keeps 10 bits of mantissa; measured well below this
LEAST_MARGIN = 0.2
EXAMPLES = 4
_POOL = 256  # photographs looked at: a large test split need not travel through memory
_MOST_BYTES = 100_000


def choose_golden(
    candidates: Iterable[bytes],
    *,
    spec: ImageSpec,
    model: Any,
    temperature: float,
    least_margin: float = 0.0,
) -> Golden:
    """Keep the candidates the model tells apart most firmly.

    Args:
        candidates: encoded images the decoder takes.
        spec: of the model's images.
        model: uint8 [N, H, W, 3] to logits [N, C].
        temperature: of the model.
        least_margin: between the two highest probabilities.

    Returns:
        At most four examples, the largest margin first.

    Raises:
        ExportError: no candidate has the margin.
    """
    encoded = tuple(islice(candidates, _POOL))
    images = np.stack([decode(image_bytes, spec) for image_bytes in encoded])
    probabilities = softmax(_logits(model, images), temperature)
    margins = top_margins(probabilities)
    chosen = [n for n in np.argsort(-margins, kind="stable")[:EXAMPLES] if margins[n] >= least_margin]
    if not chosen:
        raise ExportError(
            f"no golden example: the largest margin between two labels is {margins.max():.3f}, "
            f"under {least_margin}"
        )
    examples = tuple(
        GoldenExample(
            image_bytes=encoded[n],
            pixels_sha256=pixels_sha256(images[n]),
            probabilities=tuple(map(float, probabilities[n])),
        )
        for n in chosen
    )
    return Golden(max_probability_difference=MAX_PROBABILITY_DIFFERENCE, examples=examples)


def top_margins(probabilities: npt.NDArray[np.floating]) -> npt.NDArray[np.float64]:
    """The highest probability less the second, [N] of [N, C]."""
    highest = np.sort(probabilities.astype(np.float64), axis=1)
    margins: npt.NDArray[np.float64] = highest[:, -1] - highest[:, -2]
    return margins


def photograph_bytes(path: Path, spec: ImageSpec) -> bytes:
    """A photograph fit to travel in a manifest, which must stay under gRPC's 4 MB.

    A small file goes as it is; of a large one its decoded pixels, as PNG.
    """
    image_bytes = path.read_bytes()
    if len(image_bytes) <= _MOST_BYTES:
        return image_bytes
    buffer = io.BytesIO()
    Image.fromarray(decode(image_bytes, spec)).save(buffer, "PNG")
    return buffer.getvalue()


def _logits(model: Any, images: Pixels) -> npt.NDArray[np.float32]:
    parts = [np.asarray(model(images[n : n + 32], training=False)) for n in range(0, len(images), 32)]
    return np.concatenate(parts)
