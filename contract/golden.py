"""Golden examples: does a model, wherever it runs now, answer as it did when it was trained?

Used by the export before a version is published and by every caller before a version may answer.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from contract.errors import ContractBrokenError, ImageError
from contract.image import Pixels, decode, pixels_sha256
from contract.manifest import Manifest
from contract.prediction import PROBABILITY_DECIMALS


def golden_images(manifest: Manifest) -> Pixels:
    """Decode the golden examples.

    Returns:
        uint8 [G, H, W, 3], to be sent to the model's `serving_default`.

    Raises:
        ContractBrokenError: this decoder cannot read one of them.
    """
    try:
        return np.stack([decode(e.image_bytes, manifest.image) for e in manifest.golden.examples])
    except ImageError as exc:
        raise ContractBrokenError(f"a golden example cannot be decoded: {exc}") from exc


def decoder_differs(manifest: Manifest, images: Pixels) -> bool:
    """Whether any decoded example has other pixels than the trainer's: a warning, not a refusal."""
    return any(
        pixels_sha256(image) != example.pixels_sha256
        for image, example in zip(images, manifest.golden.examples, strict=True)
    )


def check_golden(manifest: Manifest, probabilities: npt.NDArray[np.float32]) -> None:
    """Compare what a model answers now with what the trainer computed.

    Args:
        manifest: of the version that answered.
        probabilities: float32 [G, C], its answer to `golden_images`.

    Raises:
        ContractBrokenError: another shape, a probability that differs by more than the manifest allows,
            or another top label in an answer.
    """
    expected = np.array([e.probabilities for e in manifest.golden.examples], dtype=np.float64)
    if probabilities.shape != expected.shape:
        raise ContractBrokenError(
            f"golden examples: the model answers with shape {list(probabilities.shape)}, its manifest "
            f"promises {list(expected.shape)}"
        )
    difference = float(np.max(np.abs(probabilities - expected)))
    # `not <=` so that NaN is refused too.
    if not difference <= manifest.golden.max_probability_difference:
        raise ContractBrokenError(
            f"golden examples: probabilities differ by {difference:.4f}, more than "
            f"{manifest.golden.max_probability_difference}"
        )
    # Rounded, as answers are: of labels that an answer shows as equal the first one is given by both.
    if np.any(_top_labels(probabilities) != _top_labels(expected)):
        raise ContractBrokenError("golden examples: another label comes first")


def _top_labels(probabilities: npt.NDArray[np.floating]) -> npt.NDArray[np.int64]:
    rounded = np.round(probabilities.astype(np.float64), PROBABILITY_DECIMALS)
    top: npt.NDArray[np.int64] = rounded.argmax(axis=1)
    return top
