"""One tiny trained model that all tests of the export share."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from contract.image_spec import ImageSpec
from tests.small_disk import mounted
from training.recipe_files import load_recipe

from .pictures import write_classes
from .plans import plan_in


@pytest.fixture(scope="session")
def tiny_recipe():
    """`cnn3` on 32x32 pixels for two epochs."""
    recipe = load_recipe("cnn3")
    stage = replace(recipe.stages[0], epochs=2, batch_size=8)
    return replace(recipe, image=ImageSpec(height=32, width=32), stages=(stage,))


@pytest.fixture(scope="session")
def pictures(tmp_path_factory):
    """Three classes of twenty pictures, one of which is a text."""
    root = write_classes(tmp_path_factory.mktemp("pictures"), per_class=20)
    (root / "blue" / "notes.jpg").write_text("not a picture", "utf-8")
    return root


@pytest.fixture(scope="session")
def trained(tmp_path_factory, tiny_recipe, pictures):
    """The result of training the tiny recipe once."""
    from training.train import train

    folder = tmp_path_factory.mktemp("trained")
    return train(plan_in(folder, pictures, tiny_recipe, seed=3), progress=False)


@pytest.fixture
def small_disk(tmp_path):
    with mounted(tmp_path / "disk", size="300k") as folder:
        yield folder


# Keras 3.15 reads its variables with `np.array(x)`, whose TensorFlow side NumPy 2 finds out of date.
_KERAS_READS_A_VARIABLE = (
    "ignore:__array__ implementation doesn't accept a copy keyword:DeprecationWarning"
    ":keras.src.backend.tensorflow.core"
)


def pytest_collection_modifyitems(items):
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.filterwarnings(_KERAS_READS_A_VARIABLE))
