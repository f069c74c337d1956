from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from contract.errors import ManifestError
from contract.image_spec import ImageSpec
from contract.model_folder import read_manifest
from training.errors import RecipeError, WeightsError
from training.recipe import Head
from training.recipe_files import load_recipe

from .pictures import write_classes
from .plans import plan_in

pytestmark = [pytest.mark.tensorflow, pytest.mark.slow]


@pytest.fixture(scope="module")
def linear_recipe():
    """A shipped recipe for a few epochs."""
    recipe = load_recipe("efficientnet-lite0-linear")
    stage = replace(recipe.stages[0], epochs=20)
    return replace(recipe, image=ImageSpec(height=224, width=224), stages=(stage,))


def test_training_twice_with_one_seed_gives_the_same_network(trained, tiny_recipe, pictures, tmp_path):
    import keras

    from training.train import train

    again = train(plan_in(tmp_path, pictures, tiny_recipe, seed=3), progress=False)

    first, second = (
        keras.saving.load_model(result.version / "assets.extra" / "model.keras", compile=False)
        for result in (trained, again)
    )
    for mine, other in zip(first.get_weights(), second.get_weights(), strict=True):
        assert np.array_equal(mine, other)
    assert trained.evaluation == again.evaluation
    assert trained.calibration == again.calibration


def test_cnn3_runs_end_to_end_and_lists_what_it_could_not_read(trained):
    assert trained.evaluation.images == 9
    assert [entry.path for entry in trained.unreadable] == ["blue/notes.jpg"]
    assert set(trained.seconds) == {"decode", "build", "fit", "evaluate", "export", "report"}


def test_the_manifest_says_what_was_answered_to_the_test_split(trained):
    reference = read_manifest(trained.version).reference

    answers = np.array(trained.evaluation.confusion).sum(axis=0)
    assert reference.images == 9
    assert reference.label_shares == pytest.approx(answers / 9)
    assert reference.top_probability == pytest.approx(trained.evaluation.top_probability)
    assert reference.unknown_share == pytest.approx(trained.evaluation.below_threshold)


def test_the_linear_recipe_tells_colours_apart_and_takes_golden_photographs(
    linear_recipe, pictures, tmp_path
):
    from training.exported_model import ExportedModel
    from training.train import train

    plan = plan_in(tmp_path, pictures, linear_recipe, golden="photographs", keep_keras=False)
    result = train(plan, progress=False)

    assert result.evaluation.accuracy == 1.0
    with ExportedModel(result.version) as model:
        kept = {example.image_bytes for example in model.manifest.golden.examples}
        assert model.manifest.explain_layer == "top_relu6"
    assert kept <= {path.read_bytes() for path in pictures.rglob("*.png")}


def test_what_a_held_out_folder_has_too_is_left_out_of_train_and_listed(tiny_recipe, tmp_path):
    from training.train import train

    tree = write_classes(tmp_path / "in" / "train", per_class=8).parent
    write_classes(tree / "test", per_class=2)  # the first two of train/, byte for byte
    (tree / "train" / "readme.txt").write_text("about", "utf-8")

    result = train(plan_in(tmp_path, tree, tiny_recipe), progress=False)

    assert [entry.path for entry in result.duplicates] == [
        f"train/{label}/00{n}.png" for label in ("amber", "blue", "green") for n in range(2)
    ]
    report = json.loads((result.version / "assets.extra" / "report.json").read_text("utf-8"))
    assert report["image_counts"] == {"test": 6, "train": 15, "validation": 3}
    assert report["duplicates"][0] == {"path": "train/amber/000.png", "same_as": "test/amber/000.png"}
    assert [(entry["path"], entry["code"]) for entry in report["unreadable"]] == [
        ("train/readme.txt", "no_class_folder")
    ]


def test_a_recipe_that_cannot_be_built_is_refused_before_a_photograph_is_decoded(
    tiny_recipe, pictures, tmp_path
):
    from training.train import train

    for side, network, message in (
        (8, "cnn3", "cnn3 cannot be built for images of 8x8"),
        (16, "VGG16", "VGG16 cannot be built for images of 16x16"),
        (4, "efficientnet-lite0", "needs a larger image size"),
    ):
        recipe = replace(tiny_recipe, network=network, image=ImageSpec(height=side, width=side))
        recipe = replace(recipe, weights="none", head=Head(pooling="average"))
        with pytest.raises(RecipeError, match=message):
            train(plan_in(tmp_path, pictures, recipe))

    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"name": "no/slash"}, ManifestError),
        ({"recipe": replace(load_recipe("efficientnet-lite0-linear"), weights="/absent")}, WeightsError),
    ],
)
def test_what_can_be_known_early_is_refused_before_a_photograph_is_read(
    tmp_path, tiny_recipe, changes, error
):
    from training.train import train

    plan = replace(plan_in(tmp_path, tmp_path / "no-photographs", tiny_recipe), **changes)

    with pytest.raises(error):
        train(plan)

    assert list(tmp_path.iterdir()) == []
