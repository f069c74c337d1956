from __future__ import annotations

import hashlib

import numpy as np
import pytest
from PIL import Image

from contract.image_spec import ImageSpec
from training.errors import DatasetError
from training.foreign_pictures import foreign_pictures
from training.hand_signs import extract
from training.photographs import find_photographs

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def extracted(tmp_path_factory):
    target = tmp_path_factory.mktemp("signs") / "hand-signs"
    extract(target, progress=False)
    return target


def test_the_photographs_become_folders_a_class(extracted):
    found = find_photographs(extracted)

    assert {p.label for p in found} == set("012345")
    assert sum(p.split == "train" for p in found) == 1080
    assert sum(p.split == "test" for p in found) == 120
    assert np.asarray(Image.open(found[0].path)).shape == (64, 64, 3)


def test_a_second_extraction_does_nothing(extracted):
    (extracted / "mark").touch()

    extract(extracted, progress=False)

    assert (extracted / "mark").exists()
    (extracted / "mark").unlink()


def test_a_model_of_them_is_shown_cats_alone(extracted):
    known = {hashlib.sha256(file.read_bytes()).hexdigest() for file in extracted.glob("test/*/*.png")}

    pictures = foreign_pictures(ImageSpec(height=32, width=48), labels=tuple("012345"), known=known)

    assert pictures.counts == {"cat": 105}


def test_a_folder_that_cannot_be_written_is_one_clear_line(tmp_path):
    (tmp_path / "file").touch()

    with pytest.raises(DatasetError, match="cannot write the photographs"):
        extract(tmp_path / "file" / "below", progress=False)
