from __future__ import annotations

import subprocess
import sys

import pytest

from training.errors import RecipeError
from training.recipe import load_recipe, recipe_names, recipe_summary

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
    assert "TODO" not in recipe_summary(name)


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
        ('frozen = "none"', 'frozen = "some"', r"stages\[0\].frozen is not one of all, none"),
        ("[head]", "head", "is not TOML"),
    ],
)
def test_a_wrong_recipe_is_refused_naming_the_key(tmp_path, old, new, message):
    path = _write(tmp_path, MINIMAL.replace(old, new))

    with pytest.raises(RecipeError, match=message):
        load_recipe(path)


def test_augmentation_without_a_stage_that_could_use_it_is_refused(tmp_path):
    text = MINIMAL.replace('"none"\noptimizer', '"all"\noptimizer') + "[augmentation]\nflip = true\n"

    with pytest.raises(RecipeError, match="augmentation has no effect"):
        load_recipe(_write(tmp_path, text))


def test_an_unknown_name_is_refused_with_the_choices():
    with pytest.raises(RecipeError, match=r"no recipe 'vgg99': choose .*efficientnet-lite0-linear"):
        load_recipe("vgg99")


def test_a_missing_file_is_one_clear_line(tmp_path):
    with pytest.raises(RecipeError, match="No such file"):
        load_recipe(str(tmp_path / "absent.toml"))


def test_listing_recipes_does_not_import_tensorflow():
    code = (
        "import sys; from training.recipe import recipe_names; recipe_names(); print('keras' in sys.modules)"
    )

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout.strip() == "False"
