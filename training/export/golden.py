"""Chooses the examples a model must reproduce wherever it runs."""

from __future__ import annotations

import io
from collections.abc import Iterable, Sequence
from itertools import islice, zip_longest
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from contract.image import Pixels, decode, pixels_sha256
from contract.image_spec import ImageSpec
from contract.manifest import Golden, GoldenExample
from training.calibration import softmax
from training.errors import ExportError
from training.photographs import Photograph, labels_of
from training.reading import read_again

MAX_PROBABILITY_DIFFERENCE = 0.02  # TF32 on a GPU keeps 10 bits of mantissa; measured well below this
# Where no probability moves by more than that, a top label this far ahead stays the top label.
FIRM_MARGIN = 2 * MAX_PROBABILITY_DIFFERENCE
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
    """Keep the candidates the model tells apart most firmly, of different top labels where there are some.

    Args:
        candidates: encoded images the decoder takes.
        spec: of the model's images.
        model: uint8 [N, H, W, 3] to logits [N, C].
        temperature: of the model.
        least_margin: between the two highest probabilities; at 0 the firmest candidate alone will do
            where none is firm.

    Returns:
        At most four examples, the largest margin first.

    Raises:
        ExportError: no candidate has the margin.
    """
    encoded = tuple(islice(candidates, _POOL))
    images = np.stack([decode(image_bytes, spec) for image_bytes in encoded])
    probabilities = softmax(_logits(model, images), temperature)
    margins = top_margins(probabilities)
    if margins.max() < least_margin:
        raise ExportError(
            f"none of {len(encoded)} photographs can be a golden example: the largest margin between two "
            f"labels is {margins.max():.3f}, under {least_margin}; train longer or take --golden generated"
        )
    examples = tuple(
        GoldenExample(
            image_bytes=encoded[n],
            pixels_sha256=pixels_sha256(images[n]),
            probabilities=tuple(map(float, probabilities[n])),
        )
        for n in _firmest(probabilities, least_margin=max(least_margin, FIRM_MARGIN))
    )
    return Golden(max_probability_difference=MAX_PROBABILITY_DIFFERENCE, examples=examples)


def is_firm(golden: Golden) -> bool:
    """Whether the differences that are accepted cannot change the top label of an example."""
    return bool(np.all(top_margins(np.array([e.probabilities for e in golden.examples])) >= FIRM_MARGIN))


def across_labels(photographs: Sequence[Photograph], *, seed: int) -> list[Photograph]:
    """All of them in an order drawn with the seed, the labels taking turns."""
    rng = np.random.default_rng(seed)
    by_label = [[p for p in photographs if p.label == label] for label in labels_of(photographs)]
    shuffled = [[members[n] for n in rng.permutation(len(members))] for members in by_label]
    return [p for turn in zip_longest(*shuffled) for p in turn if p is not None]


def _firmest(probabilities: npt.NDArray[np.floating], *, least_margin: float) -> list[int]:
    """Rows by falling margin: the best of each top label first of all, then the best of the others."""
    margins = top_margins(probabilities)
    order = [int(n) for n in np.argsort(-margins, kind="stable")]
    firm = [n for n in order if margins[n] >= least_margin] or order[:1]
    best: dict[int, int] = {}
    for n in firm:
        best.setdefault(int(probabilities[n].argmax()), n)
    preferred = [*best.values(), *(n for n in firm if n not in best.values())]
    return sorted(preferred[:EXAMPLES], key=order.index)


def top_margins(probabilities: npt.NDArray[np.floating]) -> npt.NDArray[np.float64]:
    """The highest probability less the second, [N] of [N, C]."""
    highest = np.sort(probabilities.astype(np.float64), axis=1)
    margins: npt.NDArray[np.float64] = highest[:, -1] - highest[:, -2]
    return margins


def photograph_bytes(photograph: Photograph, spec: ImageSpec) -> bytes:
    """A photograph fit to travel in a manifest, which must stay under gRPC's 4 MB.

    A small file goes as it is; of a large one its decoded pixels, as PNG.

    Raises:
        DatasetError: it went away meanwhile.
    """
    image_bytes = read_again(photograph)
    if len(image_bytes) <= _MOST_BYTES:
        return image_bytes
    buffer = io.BytesIO()
    Image.fromarray(decode(image_bytes, spec)).save(buffer, "PNG")
    return buffer.getvalue()


def _logits(model: Any, images: Pixels) -> npt.NDArray[np.float32]:
    parts = [np.asarray(model(images[n : n + 32], training=False)) for n in range(0, len(images), 32)]
    return np.concatenate(parts)
