from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from contract.errors import ContractBrokenError
from contract.golden import check_golden, decoder_differs, golden_images
from contract.manifest import Golden, Manifest
from tests.manifests import golden, manifest


def with_example(**changes: object) -> Manifest:
    example = dataclasses.replace(golden((0.7, 0.2, 0.1)).examples[0], **changes)  # type: ignore[arg-type]
    return manifest(golden=Golden(max_probability_difference=0.02, examples=(example,)))


def answer(*values: float) -> np.ndarray:
    return np.array([values], dtype=np.float32)


def test_golden_images_are_decoded_to_the_models_pixels() -> None:
    images = golden_images(manifest())

    assert (images.shape, images.dtype) == ((1, 8, 8, 3), np.uint8)


def test_the_trainers_own_answer_passes() -> None:
    check_golden(manifest(), answer(0.7, 0.2, 0.1))


def test_a_small_difference_as_of_tf32_passes() -> None:
    check_golden(manifest(), answer(0.685, 0.21, 0.105))


@pytest.mark.parametrize(
    "values", [(0.6, 0.3, 0.1), (float("nan"), 0.2, 0.1), (0.2, 0.7, 0.1), (0.7, 0.3)], ids=str
)
def test_another_answer_is_refused(values: tuple[float, ...]) -> None:
    with pytest.raises(ContractBrokenError):
        check_golden(manifest(), answer(*values))


def test_another_top_label_is_refused_even_within_the_tolerance() -> None:
    close = manifest(golden=golden((0.401, 0.4, 0.199)))

    with pytest.raises(ContractBrokenError, match="another label"):
        check_golden(close, answer(0.4, 0.401, 0.199))


def test_labels_an_answer_shows_as_equal_are_in_no_order() -> None:
    undecided = manifest(golden=golden((0.4, 0.4 - 1e-8, 0.2)))

    check_golden(undecided, answer(0.4 - 1e-8, 0.4, 0.2))


def test_other_pixels_are_noticed() -> None:
    assert not decoder_differs(manifest(), golden_images(manifest()))
    assert decoder_differs(with_example(pixels_sha256="0" * 64), golden_images(manifest()))


def test_an_example_that_cannot_be_decoded_breaks_the_contract() -> None:
    with pytest.raises(ContractBrokenError, match="golden example"):
        golden_images(with_example(image_bytes=b"text"))
