from __future__ import annotations

import numpy as np
import pytest

from contract.image_spec import ImageSpec
from training.foreign_pictures import foreign_pictures

pytestmark = pytest.mark.slow

SPEC = ImageSpec(height=32, width=48)


def test_hands_and_cats_are_decoded_as_the_model_wants_them():
    pictures = foreign_pictures(SPEC, labels=("iris", "tulip"))

    assert pictures.counts == {"hand": 120, "cat": 105}
    assert pictures.pixels.shape == (225, 32, 48, 3)
    assert pictures.pixels.dtype == np.uint8


@pytest.mark.parametrize(("label", "counts"), [("Wildcat", {"hand": 120}), ("open hand", {"cat": 105})])
def test_a_subject_that_a_label_names_is_left_out(label, counts):
    assert foreign_pictures(SPEC, labels=("iris", label)).counts == counts


def test_a_model_that_knows_both_is_shown_nothing():
    pictures = foreign_pictures(SPEC, labels=("cat", "hand"))

    assert (pictures.pixels.shape, pictures.counts) == ((0, 32, 48, 3), {})
