from __future__ import annotations

from typing import get_args

import numpy as np
import pytest

from contract.sidecar import Scaling
from modelserver.foreign import scaled

PIXELS = np.random.default_rng(0).integers(0, 256, (2, 5, 4, 3), dtype=np.uint8)


@pytest.mark.tensorflow
@pytest.mark.parametrize("mode", ["caffe", "tf", "torch"])
def test_a_mode_is_the_one_that_keras_calls_so(mode: Scaling) -> None:
    from keras.src.applications.imagenet_utils import preprocess_input

    expected = preprocess_input(PIXELS.astype(np.float32), mode=mode, data_format="channels_last")

    np.testing.assert_allclose(scaled(PIXELS, mode), expected, atol=1e-5)


def test_the_other_modes_divide_by_255_or_do_nothing() -> None:
    np.testing.assert_allclose(scaled(PIXELS, "1/255"), PIXELS / 255, rtol=1e-6)
    np.testing.assert_array_equal(scaled(PIXELS, "none"), PIXELS)


@pytest.mark.parametrize("mode", get_args(Scaling))
def test_every_mode_gives_float32_of_the_same_shape(mode: Scaling) -> None:
    values = scaled(PIXELS, mode)

    assert (values.dtype, values.shape) == (np.float32, PIXELS.shape)
