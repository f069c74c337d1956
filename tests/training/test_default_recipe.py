"""What `miwake train` follows where no recipe is named."""

from __future__ import annotations

from dataclasses import replace

import pytest

import training.default_recipe
from tests.pictures import png_header_only
from training.default_recipe import default_recipe
from training.errors import DatasetError
from training.photographs import find_photographs
from training.picture_size import largest_side

from .idx_files import write_mnist
from .pictures import KINDS, write_classes, write_picture


@pytest.fixture
def five_are_many(monkeypatch):
    monkeypatch.setattr(training.default_recipe, "is_large", lambda learnt: learnt >= 5)


def test_photographs_have_the_later_layers_fine_tuned(tmp_path):
    assert default_recipe(write_classes(tmp_path, per_class=2)) == "efficientnet-lite0-finetune"


@pytest.mark.usefixtures("five_are_many")
def test_many_small_pictures_have_all_of_the_network_fine_tuned(tmp_path):
    root = write_mnist(tmp_path, train=[0, 1, 0, 1, 0], test=[0, 1])

    assert default_recipe(root) == "efficientnet-lite0-small-pictures"


@pytest.mark.usefixtures("five_are_many")
def test_held_out_pictures_do_not_make_them_many(tmp_path):
    root = write_mnist(tmp_path, train=[0, 1, 0, 1], test=[0, 1, 0, 1])

    assert default_recipe(root) == "efficientnet-lite0-finetune"


@pytest.mark.usefixtures("five_are_many")
def test_one_large_picture_among_them_is_enough_for_the_other_recipe(tmp_path):
    root = write_classes(tmp_path, per_class=2)
    write_picture(root / "blue" / "large.png", KINDS["blue"], seed=1, side=65)

    assert default_recipe(root) == "efficientnet-lite0-finetune"


def test_a_folder_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(DatasetError, match="no folder of photographs"):
        default_recipe(tmp_path / "nowhere")


def test_the_longest_side_is_of_what_can_be_read(tmp_path):
    root = write_classes(tmp_path, per_class=1)
    write_picture(root / "blue" / "larger.png", KINDS["blue"], seed=1, side=90)
    (root / "blue" / "notes.jpg").write_text("text")
    (root / "blue" / "vast.png").write_bytes(png_header_only(8_000, 8_000))
    found = find_photographs(root)

    assert largest_side(found) == 90
    assert largest_side([p for p in found if p.relative.endswith(("notes.jpg", "vast.png"))]) == 0


def test_a_hundred_of_many_are_looked_at_from_the_first_to_the_last(tmp_path, monkeypatch):
    opened = []
    [photograph, *_] = find_photographs(write_classes(tmp_path, per_class=1))
    many = [replace(photograph, relative=str(number)) for number in range(250)]
    content = photograph.path.read_bytes()
    monkeypatch.setattr(training.picture_size, "read", lambda p: (opened.append(int(p.relative)), content)[1])

    largest_side(many)

    assert len(set(opened)) == 100
    assert (opened[0], opened[-1]) == (0, 247)
