from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from contract.image import decode
from contract.image_spec import ImageSpec
from training.errors import DatasetError, ExportError
from training.export.generated_images import generated_images
from training.export.golden import across_labels, choose_golden, is_firm, photograph_bytes
from training.photographs import Photograph, find_photographs

from .idx_files import write_mnist

SPEC = ImageSpec(height=24, width=24)


def _red_against_blue(images, *, training):  # noqa: ARG001 - called as a Keras model is
    """Logits [N, 2] by the mean of the channels."""
    return np.asarray(images, np.float32).mean(axis=(1, 2))[:, [0, 2]] / 32


def test_generated_pictures_are_the_same_at_every_call_small_and_of_both_formats():
    images = generated_images()

    assert images == generated_images()
    assert max(map(len, images)) < 20_000
    assert {Image.open(io.BytesIO(data)).format for data in images} == {"PNG", "JPEG"}
    assert all(decode(data, SPEC).shape == (24, 24, 3) for data in images)


def _picture(red, blue):
    image = io.BytesIO()
    Image.new("RGB", (8, 8), (red, 0, blue)).save(image, "PNG")
    return image.getvalue()


def _choose(pictures, **options):
    """What was kept, as places among the pictures."""
    golden = choose_golden(pictures, spec=SPEC, model=_red_against_blue, temperature=1.0, **options)
    return golden, [pictures.index(example.image_bytes) for example in golden.examples]


def test_the_largest_margins_are_kept_largest_first():
    """Margins of tanh((red - blue) / 64)."""
    _, kept = _choose([_picture(red, 0) for red in (40, 200, 80, 120, 30, 160)])

    assert kept == [1, 5, 3, 2]


def test_every_top_label_has_an_example_before_one_has_two():
    _, kept = _choose([*(_picture(red, 0) for red in (200, 180, 160, 140, 120)), _picture(0, 40)])

    assert kept == [0, 1, 2, 5]


def test_an_example_that_another_machine_could_answer_otherwise_is_not_kept_beside_firm_ones():
    golden, kept = _choose([_picture(1, 0), _picture(200, 0), _picture(0, 2), _picture(0, 9)])

    assert kept == [1, 3]
    assert is_firm(golden)


def test_where_none_is_firm_the_firmest_alone_is_kept_and_is_told_to_be_weak():
    golden, kept = _choose([_picture(1, 0), _picture(2, 0), _picture(0, 1)])

    assert kept == [1]
    assert not is_firm(golden)


def test_photographs_that_hardly_differ_are_no_golden_examples():
    with pytest.raises(ExportError, match=r"none of 2 photographs .* is 0\.016, under 0\.2; train longer or"):
        _choose([_picture(1, 0), _picture(1, 1)], least_margin=0.2)


def test_photographs_are_looked_at_with_the_labels_taking_turns_in_an_order_of_the_seed():
    """So a pool of a few hundred holds all labels, however many photographs the first one has."""
    photographs = [
        Photograph(path=Path("x"), relative=f"{label}/{n}", label=label, split="test")
        for label, count in (("a", 50), ("b", 3), ("c", 3))
        for n in range(count)
    ]

    order = across_labels(photographs, seed=1)

    assert [p.label for p in order[:9]] == list("abcabcabc")
    assert sorted(order, key=photographs.index) == photographs
    assert order == across_labels(photographs, seed=1)
    assert order != across_labels(photographs, seed=2)


def test_a_large_photograph_travels_as_its_decoded_pixels(tmp_path):
    noise = np.random.default_rng(0).integers(0, 256, (400, 300, 3)).astype(np.uint8)
    path = tmp_path / "large.png"
    Image.fromarray(noise).save(path)
    data = path.read_bytes()

    small = photograph_bytes(Photograph(path=path, relative="a/large.png", label="a", split="test"), SPEC)

    assert len(small) < 3000 < len(data)
    assert np.array_equal(decode(small, SPEC), decode(data, SPEC))


def test_a_photograph_that_went_away_is_refused_by_name(tmp_path):
    gone = Photograph(path=tmp_path / "gone.png", relative="a/gone.png", label="a", split="test")

    with pytest.raises(DatasetError, match=r"a/gone\.png changed while it was read"):
        photograph_bytes(gone, SPEC)


def test_an_image_of_an_idx_file_travels_as_its_png(tmp_path):
    write_mnist(tmp_path, train=[0, 1], test=[0])
    [photograph] = [p for p in find_photographs(tmp_path) if p.split == "test"]

    image_bytes = photograph_bytes(photograph, SPEC)

    assert decode(image_bytes, SPEC).shape == SPEC.shape
    assert image_bytes.startswith(b"\x89PNG")
