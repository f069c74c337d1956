from __future__ import annotations

import numpy as np
import pytest

pytestmark = pytest.mark.tensorflow


def _network_with(*layers, side=16):
    import keras

    from .networks import network_of

    return network_of(keras.Sequential([keras.Input((side, side, 3), dtype="uint8"), *layers]))


def test_a_filter_answers_below_zero_too_so_that_its_gradient_lives():
    from training.filters.target import filters_of

    from .networks import colour_network

    target = filters_of(colour_network(), "colours", [0])
    blue = np.full((1, 16, 16, 3), (0, 0, 255), np.float32)

    answer = np.asarray(target.answer(blue))

    assert answer[0, 0, 0] == pytest.approx([-0.05, -0.05, 1.0])  # a tenth of -0.5


def test_the_batch_normalisation_after_a_filter_turns_its_sign():
    import keras

    from training.filters.target import filters_of

    network = _network_with(
        keras.layers.Rescaling(1 / 255),
        keras.layers.Conv2D(1, 1, kernel_initializer="ones", name="sum"),
        keras.layers.BatchNormalization(gamma_initializer=keras.initializers.Constant(-1.0), epsilon=1e-9),
    )
    target = filters_of(network, "sum", [0])

    answer = np.asarray(target.answer(np.full((1, 16, 16, 3), 255, np.float32)))

    assert answer == pytest.approx(np.full((1, 16, 16, 1), -0.3), abs=1e-5)


def test_no_such_layer_lists_the_convolutions():
    from training.filters.errors import TargetError
    from training.filters.target import filters_of

    from .networks import colour_network

    with pytest.raises(TargetError, match=r"^no convolution 'logits': the network has colours$"):
        filters_of(colour_network(), "logits", [0])


@pytest.mark.parametrize("unit", [-1, 3])
def test_no_such_filter_says_the_range(unit):
    from training.filters.errors import TargetError
    from training.filters.target import filters_of

    from .networks import colour_network

    with pytest.raises(TargetError, match=rf"^colours has no filter {unit}: they are 0 to 2$"):
        filters_of(colour_network(), "colours", [0, unit])


def test_no_such_class_lists_the_classes():
    from training.filters.errors import TargetError
    from training.filters.target import classes_of

    from .networks import colour_network

    with pytest.raises(
        TargetError, match=r"^the model has no class 'pink': its classes are red, green, blue$"
    ):
        classes_of(colour_network(), ["pink"])


def test_the_layer_taken_by_default_is_the_last_with_a_cell_for_16_pixels():
    import keras

    from training.filters.target import late_middle_layer

    halves = [keras.layers.Conv2D(2, 3, 2, "same", name=f"half{n}") for n in range(1, 6)]

    assert late_middle_layer(_network_with(*halves, side=64)) == "half4"  # of 4 rows, half5 of 2


def test_a_network_without_a_convolution_has_no_layer_to_take():
    import keras

    from training.filters.errors import TargetError
    from training.filters.target import late_middle_layer

    with pytest.raises(TargetError, match="no convolution: choose a class"):
        late_middle_layer(_network_with(keras.layers.Flatten(), keras.layers.Dense(3)))
