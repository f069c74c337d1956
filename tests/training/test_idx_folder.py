"""A folder of idx files is found, read and decoded as a tree of photographs is."""

from __future__ import annotations

import io
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from contract.image import decode
from contract.image_spec import ImageSpec
from training.errors import DatasetError
from training.photographs import check_can_be_learnt, find_photographs, labels_of, loose_files
from training.pixels import decode_photographs

from .idx_files import digits, write_idx, write_mnist

MNIST = Path(__file__).parents[3] / "shared" / "data" / "mnist"


def test_the_names_say_the_splits_and_the_numbers_are_the_classes(tmp_path):
    write_mnist(tmp_path, train=[7, 0, 9], test=[9])

    found = find_photographs(tmp_path)

    check_can_be_learnt(tmp_path, found)
    assert [(p.relative, p.label, p.split) for p in found] == [
        ("t10k-images-idx3-ubyte.gz/00000.png", "9", "test"),
        ("train-images-idx3-ubyte.gz/00000.png", "7", "train"),
        ("train-images-idx3-ubyte.gz/00001.png", "0", "train"),
        ("train-images-idx3-ubyte.gz/00002.png", "9", "train"),
    ]


def test_more_than_ten_classes_sort_as_their_numbers_do(tmp_path):
    write_mnist(tmp_path, train=[2, 10, 1], test=[2])

    assert labels_of(find_photographs(tmp_path)) == ("01", "02", "10")


@pytest.mark.parametrize("form", ["{}-images.idx3-ubyte", "{}-images-idx3-ubyte"])
@pytest.mark.parametrize("test_split", ["t10k", "test"])
def test_other_spellings_of_the_names(tmp_path, form, test_split):
    for split in ("train", test_split):
        images = write_idx(tmp_path / form.format(split), digits(2))
        labels = images.name.replace("images", "labels").replace("idx3", "idx1")
        write_idx(tmp_path / labels, np.array([0, 1], np.uint8))

    assert Counter(p.split for p in find_photographs(tmp_path)) == {"train": 2, "test": 2}


@pytest.mark.parametrize("shape", [(28, 20), (8, 9, 3)])
def test_pixels_are_those_the_gateway_makes_of_the_same_png(tmp_path, shape):
    images = digits(4, shape=shape)
    write_idx(tmp_path / "in" / "train-images-idx3-ubyte.gz", images)
    write_idx(tmp_path / "in" / "train-labels-idx1-ubyte.gz", np.array([0, 1, 0, 1], np.uint8))
    spec = ImageSpec(height=64, width=64, filter="bicubic")

    found = find_photographs(tmp_path / "in")
    decoded = decode_photographs(found, spec, cache=tmp_path / "cache", progress=False)

    for index, photograph in enumerate(found):
        png = io.BytesIO()
        Image.fromarray(images[index]).save(png, "PNG")
        pixels = decoded.pixels[decoded.rows[photograph.relative]]
        assert np.array_equal(pixels, decode(png.getvalue(), spec))


def test_of_a_file_that_lies_there_packed_too_the_unpacked_one_is_read(tmp_path):
    write_mnist(tmp_path, train=[0, 1], test=[0])
    write_mnist(tmp_path, train=[0, 1], test=[1], suffix="")

    assert {p.path.suffix for p in find_photographs(tmp_path)} == {""}
    assert [name.endswith(".gz") for name in loose_files(tmp_path)] == [True] * 4


def test_other_files_beside_them_are_told(tmp_path):
    write_mnist(tmp_path, train=[0, 1], test=[0])
    (tmp_path / "readme.txt").touch()

    assert loose_files(tmp_path) == ("readme.txt",)


def test_class_folders_beside_them_are_refused(tmp_path):
    write_mnist(tmp_path, train=[0, 1], test=[0])
    (tmp_path / "iris").mkdir()

    with pytest.raises(DatasetError, match="iris stands beside idx files"):
        find_photographs(tmp_path)


@pytest.mark.parametrize("labels", [[0, 1, 2], [0]])
def test_more_labels_than_images_or_fewer_are_refused(tmp_path, labels):
    write_idx(tmp_path / "train-images-idx3-ubyte", digits(2))
    write_idx(tmp_path / "train-labels-idx1-ubyte", np.array(labels, np.uint8))

    with pytest.raises(DatasetError, match=rf"train-labels-idx1-ubyte has {len(labels)} labels for 2 images"):
        find_photographs(tmp_path)


@pytest.mark.parametrize(("there", "wanted"), [("images", "labels"), ("labels", "images")])
def test_half_a_pair_is_refused(tmp_path, there, wanted):
    write_idx(tmp_path / f"train-{there}-idx1-ubyte", digits(2))

    with pytest.raises(DatasetError, match=f"no file of {wanted} beside .*train-{there}-idx1-ubyte"):
        find_photographs(tmp_path)


def test_two_files_for_the_same_thing_are_refused(tmp_path):
    write_mnist(tmp_path, train=[0, 1], test=[0])
    write_idx(tmp_path / "test-images-idx3-ubyte", digits(1))

    with pytest.raises(DatasetError, match="test-images-idx3-ubyte both hold the test images"):
        find_photographs(tmp_path)


@pytest.mark.parametrize("shape", [(), (28,), (28, 28, 4), (2, 2, 2, 3)])
def test_images_of_another_shape_are_refused(tmp_path, shape):
    write_idx(tmp_path / "train-images-idx3-ubyte", digits(2, shape=shape))
    write_idx(tmp_path / "train-labels-idx1-ubyte", np.array([0, 1], np.uint8))

    with pytest.raises(DatasetError, match=r"images are \[N, H, W\] or \[N, H, W, 3\]"):
        find_photographs(tmp_path)


def test_labels_of_another_shape_are_refused(tmp_path):
    write_idx(tmp_path / "train-images-idx3-ubyte", digits(2))
    write_idx(tmp_path / "train-labels-idx1-ubyte", digits(2))

    with pytest.raises(DatasetError, match=r"labels are \[N\]"):
        find_photographs(tmp_path)


@pytest.mark.shared
@pytest.mark.skipif(not MNIST.is_dir(), reason="MNIST is not on this machine")
def test_mnist_itself():
    found = find_photographs(MNIST)

    assert Counter(p.split for p in found) == {"train": 60_000, "test": 10_000}
    assert labels_of(found) == tuple("0123456789")
    assert [p.label for p in found if p.split == "train"][:5] == ["5", "0", "4", "1", "9"]
