from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from contract.image import decode
from contract.image_spec import ImageSpec
from training.errors import ExportError
from training.export.generated_images import generated_images
from training.export.golden import choose_golden, photograph_bytes, top_margins

SPEC = ImageSpec(height=24, width=24)


def _red_against_blue(images, *, training):  # noqa: ARG001 - called as a Keras model is
    """Logits [N, 2] by the mean of the channels."""
    return np.asarray(images, np.float32).mean(axis=(1, 2))[:, [0, 2]] / 32


def test_generated_pictures_are_the_same_at_every_call_small_and_of_both_formats():
    images = generated_images()

    assert images == generated_images()
    assert max(map(len, images)) < 20_000
    assert {Image.open(io.BytesIO(data)).format for data in images} == {"PNG", "JPEG"}
    assert all(decode(data, SPEC).shape == (24, 24, 3) for data in images)


def test_the_four_largest_margins_are_kept_largest_first():
    golden = choose_golden(generated_images(), spec=SPEC, model=_red_against_blue, temperature=1.0)

    kept = top_margins(np.array([example.probabilities for example in golden.examples]))
    everything = choose_margins(generated_images())
    assert kept == pytest.approx(np.sort(everything)[::-1][:4], abs=1e-6)


def choose_margins(pictures):
    from training.calibration import softmax

    images = np.stack([decode(data, SPEC) for data in pictures])
    return top_margins(softmax(_red_against_blue(images, training=False)))


def test_photographs_that_hardly_differ_are_no_golden_examples():
    gray = io.BytesIO()
    Image.new("RGB", (8, 8), "gray").save(gray, "PNG")

    with pytest.raises(ExportError, match=r"margin .* is 0\.000, under 0\.2"):
        choose_golden(
            [gray.getvalue()], spec=SPEC, model=_red_against_blue, temperature=1.0, least_margin=0.2
        )


def test_a_large_photograph_travels_as_its_decoded_pixels(tmp_path):
    noise = np.random.default_rng(0).integers(0, 256, (400, 300, 3)).astype(np.uint8)
    Image.fromarray(noise).save(tmp_path / "large.png")
    data = (tmp_path / "large.png").read_bytes()

    small = photograph_bytes(tmp_path / "large.png", SPEC)

    assert len(small) < 3000 < len(data)
    assert np.array_equal(decode(small, SPEC), decode(data, SPEC))
