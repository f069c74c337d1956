from __future__ import annotations

import subprocess
import sys
from dataclasses import replace

import pytest

from training.errors import RecipeError
from training.recipe import Augmentation, adjusted
from training.recipe_files import load_recipe, recipe_names, recipe_summary

MINIMAL = """
name = "mine"
network = "cnn3"
weights = "none"
scaling = "1/255"
[head]
pooling = "flatten"
[[stages]]
frozen = "none"
optimizer = "adam"
rate = 0.001
epochs = 1
"""
STAGE = MINIMAL[MINIMAL.index("[[stages]]") :]


def _write(tmp_path, text):
    path = tmp_path / "mine.toml"
    path.write_text(text, "utf-8")
    return str(path)


@pytest.mark.parametrize("name", recipe_names())
def test_every_shipped_recipe_loads_and_opens_with_what_to_expect(name):
    recipe = load_recipe(name)

    assert recipe.name == name
    for word in ("Source:", "Command:", "time:", "Expected test accuracy:"):
        assert word in recipe_summary(name)
    assert "@" not in recipe_summary(name)  # a figure that was never filled in


def test_a_recipe_may_be_a_file(tmp_path):
    recipe = load_recipe(_write(tmp_path, MINIMAL))

    assert (recipe.name, recipe.stages[0].batch_size, recipe.image.height) == ("mine", 32, 224)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('name = "mine"', 'name = "mine"\ncolour = 1', "unknown key colour"),
        ("epochs = 1", "epochs = 1\nspeed = 2", r"unknown key stages\[0\].speed"),
        ("epochs = 1", "", r"stages\[0\].epochs is missing"),
        ("epochs = 1", "epochs = true", r"stages\[0\].epochs is not a whole number"),
        ("epochs = 1", "epochs = 0", r"stages\[0\].epochs must be 1 to"),
        ("epochs = 1", "epochs = 1\nbatch_size = 0", r"stages\[0\].batch_size must be 1 to"),
        ("epochs = 1", "epochs = 1\npatience = -1", r"stages\[0\].patience must be at least 0"),
        ("epochs = 1", "epochs = 1\nmomentum = 0.9", r"stages\[0\].momentum is of sgd alone"),
        ("epochs = 1", "epochs = 1\n[augmentation]\nzoom = 1.0", "augmentation.zoom must be below 1"),
        ("epochs = 1", "epochs = 1\n[augmentation]\ncopies = 5", "copies needs changes to draw"),
        (STAGE, "dropout = 0.5\n[svm]", "head.hidden and head.dropout must be left out"),
        ("epochs = 1", "epochs = 1\nmomentum = 1.0", r"stages\[0\].momentum must be at least 0 and below 1"),
        ("rate = 0.001", "rate = inf", r"stages\[0\].rate must be above 0 and finite"),
        ("rate = 0.001", "rate = nan", r"stages\[0\].rate must be above 0 and finite"),
        ("rate = 0.001", "rate = -1", r"stages\[0\].rate must be above 0 and finite"),
        ("epochs = 1", "epochs = 1\n[augmentation]\nzoom = 1.5", "augmentation.zoom must be 0 to 1"),
        ("epochs = 1", "epochs = 1\n[augmentation]\nshear = -0.1", "augmentation.shear must be 0 to 1"),
        ('"flatten"', '"flatten"\ndropout = nan', "head.dropout must be at least 0 and below 1"),
        ('"flatten"', '"flatten"\nhidden = [9, 99999999]', "head.hidden must be 1 to"),
        ("rate = 0.001", 'rate = "fast"', r"stages\[0\].rate is not a number"),
        ('"cnn3"', '"cnn9"', "network is not one of efficientnet-lite0, cnn3"),
        ('pooling = "flatten"', 'pooling = "flatten"\nhidden = 3', "head.hidden is not a list"),
        ('scaling = "1/255"', 'scaling = "1/255"\nimage = { height = 0 }', "image size 224x0"),
        (
            'frozen = "none"',
            'frozen = "some"',
            r"stages\[0\].frozen is not a whole number and .* all, none",
        ),
        ('frozen = "none"', "frozen = 0", r"stages\[0\].frozen must be at least 1"),
        (
            'frozen = "none"',
            "frozen = 1.5",
            r"stages\[0\].frozen is not a whole number and .* all, none",
        ),
        (
            'frozen = "none"',
            "frozen = true",
            r"stages\[0\].frozen is not a whole number and .* all, none",
        ),
        ('"adam"', '"lion"', r"stages\[0\].optimizer is not one of adam, sgd, rmsprop"),
        ("epochs = 1", 'epochs = 1\nschedule = "step"', r"stages\[0\].schedule is not one of"),
        ("epochs = 1", 'epochs = 1\nkeep = "first"', r"stages\[0\].keep is not one of best, last"),
        ("epochs = 1", "epochs = 1\naugmented = 1", r"stages\[0\].augmented is not true or false"),
        ("epochs = 1", "epochs = 1\n[augmentation]\nmixup = -0.1", "augmentation.mixup must be 0 to 1"),
        ("epochs = 1", "epochs = 1\n[augmentation]\nrotation = nan", "augmentation.rotation must be 0 to 1"),
        (
            "epochs = 1",
            "epochs = 1\n[augmentation]\nflip = true\ncopies = -1",
            "augmentation.copies must be 0",
        ),
        ("epochs = 1", "epochs = 1\n[augmentation]\nmixup = 0.1\ncopies = 2", "copies must be 0"),
        ("epochs = 1", "epochs = 1\naugmented = false\n[augmentation]\nflip = true", "has no effect"),
        ("epochs = 1", "epochs = 1\n[svm]", "it needs either stages or svm"),
        (STAGE, "[svm]\ncosts = []", "svm.costs must be above 0 and finite"),
        (STAGE, "[svm]\ncosts = [1.0, 0.0]", "svm.costs must be above 0 and finite"),
        (STAGE, "[svm]\ncosts = [inf]", "svm.costs must be above 0 and finite"),
        (STAGE, "[svm]\nfolds = 1", "svm.folds must be at least 2"),
        (STAGE, "hidden = [4]\n[svm]", "head.hidden and head.dropout must be left out"),
        (STAGE, "[svm]\n[augmentation]\nflip = true", "augmentation has no effect"),
        (STAGE, "", "it needs either stages or svm"),
        ('weights = "none"', 'weights = ""', "weights must not be empty"),
        ('scaling = "1/255"', 'scaling = "2/255"', "scaling is not one of 1/255, caffe"),
        ('scaling = "1/255"', 'adapter = "sepia"', "adapter is not one of none, gray"),
        ('scaling = "1/255"', 'precision = "float64"', "precision is not one of float32"),
        ('scaling = "1/255"', 'features = "float64"', "features is not one of float32, float16"),
        ('scaling = "1/255"', "coverage = 0.0", "coverage must be above 0 and at most 1"),
        ('scaling = "1/255"', "coverage = 1.1", "coverage must be above 0 and at most 1"),
        ('scaling = "1/255"', "class_weights = 1", "class_weights is not true or false"),
        ("[head]", "head", "is not TOML"),
    ],
)
def test_a_wrong_recipe_is_refused_naming_the_key(tmp_path, old, new, message):
    path = _write(tmp_path, MINIMAL.replace(old, new))

    with pytest.raises(RecipeError, match=message):
        load_recipe(path)


def test_an_unknown_name_is_refused_with_the_choices():
    with pytest.raises(RecipeError, match=r"no recipe 'vgg99': choose .*efficientnet-lite0-linear"):
        load_recipe("vgg99")


def test_a_missing_file_is_one_clear_line(tmp_path):
    with pytest.raises(RecipeError, match="No such file"):
        load_recipe(str(tmp_path / "absent.toml"))


def test_reading_recipes_does_not_import_tensorflow():
    code = (
        "import sys; from training.recipe_files import load_recipe, recipe_names; "
        "[load_recipe(name) for name in recipe_names()]; print('keras' in sys.modules)"
    )

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout.strip() == "False"


def test_frozen_may_be_a_word_or_a_number_of_layers(tmp_path):
    path = _write(tmp_path, MINIMAL.replace('frozen = "none"', "frozen = 15"))

    assert load_recipe(path).stages[0].frozen == 15
    assert load_recipe(_write(tmp_path, MINIMAL)).stages[0].frozen == "none"


def test_a_recipe_for_a_support_vector_machine_has_no_stages(tmp_path):
    recipe = load_recipe(_write(tmp_path, MINIMAL.replace(STAGE, "[svm]\ncosts = [1, 10.5]\n")))

    assert (recipe.stages, recipe.svm.costs, recipe.svm.folds) == ((), (1, 10.5), 5)


def test_scaling_is_looked_up_where_a_recipe_leaves_it_to_the_network(tmp_path):
    text = MINIMAL.replace('scaling = "1/255"', "")

    for network, scaling in (("cnn3", "1/255"), ("VGG16", "caffe"), ("EfficientNetB0", "none")):
        recipe = load_recipe(_write(tmp_path, text.replace('"cnn3"', f'"{network}"')))
        assert (recipe.scaling, recipe.effective_scaling) == ("expected", scaling)
    assert load_recipe(_write(tmp_path, MINIMAL.replace('"cnn3"', '"VGG16"'))).effective_scaling == "1/255"


def test_a_stage_may_go_without_the_augmentation(tmp_path):
    text = MINIMAL + "augmented = false\n" + STAGE + "[augmentation]\nflip = true\ncopies = 2\n"

    recipe = load_recipe(_write(tmp_path, text))

    assert [recipe.augmentation_of(stage) for stage in recipe.stages] == [
        Augmentation(),
        Augmentation(flip=True, copies=2),
    ]


def test_a_recipe_extends_another_table_by_table(tmp_path):
    path = _write(
        tmp_path,
        'extends = "cnn4-augment"\nname = "mine"\n[augmentation]\nmixup = 0.3\n[head]\ndropout = 0.1\n',
    )

    recipe, base = load_recipe(path), load_recipe("cnn4-augment")

    assert recipe.name == "mine"
    assert recipe.stages == base.stages
    assert recipe.head == replace(base.head, dropout=0.1)
    assert recipe.augmentation == replace(base.augmentation, mixup=0.3)


def test_stages_of_a_recipe_that_extends_another_replace_all_of_its(tmp_path):
    recipe = load_recipe(_write(tmp_path, 'extends = "vgg16-two-stage"\nname = "mine"\n' + STAGE))

    assert [entry.epochs for entry in recipe.stages] == [1]
    assert recipe.network == "VGG16"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('extends = "cnn9"', "no recipe 'cnn9'"),
        ("extends = 3", "extends does not name a recipe that ends somewhere"),
        ('extends = "{itself}"', "extends does not name a recipe that ends somewhere"),
        ('extends = "cnn4"\n[head]\ncolour = 1', "unknown key head.colour"),
    ],
)
def test_a_recipe_that_extends_nothing_sensible_is_refused(tmp_path, text, message):
    path = tmp_path / "mine.toml"
    path.write_text(text.replace("{itself}", str(path)), "utf-8")

    with pytest.raises(RecipeError, match=message):
        load_recipe(str(path))


def test_what_a_user_asks_for_instead_is_taken_and_checked():
    recipe = load_recipe("linear")

    asked = adjusted(recipe, weights="none", backbone="ResNet50", class_weights=True)

    assert (asked.weights, asked.network, asked.class_weights) == ("none", "ResNet50", True)
    assert asked.effective_scaling == "caffe"
    assert adjusted(recipe) == recipe
    with pytest.raises(RecipeError, match="network is not one of"):
        adjusted(recipe, backbone="ResNet51")


def test_another_backbone_brings_the_scaling_its_weights_expect():
    recipe = replace(load_recipe("linear"), scaling="lite")

    assert adjusted(recipe, backbone="VGG16").effective_scaling == "caffe"


@pytest.mark.parametrize("name", ["vgg16-fc256", "efficientnet-lite0-early-linear"])
def test_a_recipe_that_names_layers_takes_no_other_backbone(name):
    with pytest.raises(RecipeError, match=r"names layers of .*choose --recipe linear"):
        adjusted(load_recipe(name), backbone="MobileNetV2")


def test_a_recipe_finds_the_one_it_extends_beside_it(tmp_path):
    (tmp_path / "base.toml").write_text(MINIMAL, "utf-8")

    recipe = load_recipe(_write(tmp_path, 'extends = "base.toml"\nname = "derived"'))

    assert (recipe.name, recipe.network) == ("derived", "cnn3")
