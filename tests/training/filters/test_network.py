from __future__ import annotations

import numpy as np
import pytest

from contract.errors import ModelFolderError

pytestmark = pytest.mark.tensorflow


@pytest.mark.parametrize("scaling", ["1/255", "caffe", "lite", "tf", "torch"])
def test_on_whole_numbers_the_float_path_answers_as_the_network_does(scaling):
    from training.filters.network import of_float_pixels

    from .networks import colour_network

    model = colour_network(scaling).model
    images = np.random.default_rng(0).integers(0, 256, (2, 16, 16, 3)).astype(np.uint8)

    answer = of_float_pixels(model, model.outputs[0])(images.astype(np.float32))

    assert np.asarray(answer) == pytest.approx(np.asarray(model(images)), abs=1e-4)


@pytest.mark.parametrize("scaling", ["caffe", "lite"])
def test_gradients_reach_the_pixels_through_the_scaling(scaling):
    import tensorflow as tf

    from training.filters.network import of_float_pixels

    from .networks import colour_network

    model = colour_network(scaling).model
    images = tf.constant([[[[200.5, 10.0, 10.0]] * 16] * 16])
    with tf.GradientTape() as tape:
        tape.watch(images)
        red = of_float_pixels(model, model.outputs[0])(images)[:, 0]

    gradient = tape.gradient(red, images).numpy()

    assert (gradient[..., 0] > 0).all()
    assert (gradient[..., 1:] < 0).all()


def test_a_version_without_its_keras_file_is_one_clear_line(trained, tmp_path):
    import shutil

    from training.filters.network import KERAS_FILE, open_network

    version = tmp_path / "m" / "1"
    shutil.copytree(trained.version, version)
    (version / KERAS_FILE).unlink()

    with pytest.raises(ModelFolderError, match=r"1 holds no assets.extra/model.keras: .*--no-keep-keras"):
        open_network(version.parent)

    (version / KERAS_FILE).write_bytes(b"not a zip file")
    with pytest.raises(ModelFolderError, match="cannot be read as a Keras model"):
        open_network(version.parent)


def test_a_published_version_opens_with_its_labels(trained):
    from training.filters.network import open_network

    network = open_network(trained.version.parent)

    assert network.manifest.labels == ("amber", "blue", "green")
    assert list(network.convolutions) == ["conv1", "conv2", "conv3"]
