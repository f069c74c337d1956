from __future__ import annotations

import importlib

import numpy as np
import pytest

from training.backbones import APPLICATIONS, expected_scaling

pytestmark = pytest.mark.tensorflow


def test_every_network_of_keras_applications_can_be_named_and_nothing_else():
    import keras

    networks = {name for name in vars(keras.applications) if name[0].isupper()}

    assert set(APPLICATIONS) == networks


@pytest.mark.parametrize(
    ("network", "module"),
    [
        ("VGG16", "vgg16"),
        ("ResNet50", "resnet"),
        ("ResNet101V2", "resnet_v2"),
        ("InceptionResNetV2", "inception_resnet_v2"),
        ("Xception", "xception"),
        ("MobileNetV2", "mobilenet_v2"),
        ("MobileNetV3Small", "mobilenet_v3"),
        ("NASNetMobile", "nasnet"),
        ("DenseNet201", "densenet"),
        ("EfficientNetB0", "efficientnet"),
        ("EfficientNetV2S", "efficientnet_v2"),
        ("ConvNeXtTiny", "convnext"),
    ],
)
def test_the_expected_scaling_is_that_of_the_networks_own_module(network, module):
    import keras

    from training.scaling import scaled

    pixels = np.random.default_rng(0).integers(0, 256, (2, 4, 5, 3)).astype(np.uint8)
    images = keras.Input((4, 5, 3), dtype="uint8")
    preprocess = importlib.import_module(f"keras.applications.{module}").preprocess_input

    ours = keras.Model(images, scaled(images, expected_scaling(network)))(pixels)

    assert np.asarray(ours) == pytest.approx(preprocess(pixels.astype(np.float32)), abs=1e-4)


def test_networks_without_a_module_expect_what_they_always_took():
    assert [expected_scaling(name) for name in ("cnn3", "cnn4", "efficientnet-lite0")] == [
        "1/255",
        "1/255",
        "lite",
    ]
