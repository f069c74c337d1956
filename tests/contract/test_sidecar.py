from __future__ import annotations

from pathlib import Path

import pytest

from contract.errors import SidecarError
from contract.image_spec import ImageSpec
from contract.sidecar import LabelledImage, Sidecar, read_sidecar

WHOLE = """
model = "legacy"
version = 3
classes = 2
labels = ["cat", "dog"]
max_batch_size = 8
unknown_threshold = 0.5

[image]
height = 32
width = 48
fit = "pad"
fill = [1, 2, 3]
filter = "bicubic"

[input]
signature = "classify"
name = "pixels"
scaling = "caffe"

[output]
name = "scores"
kind = "logits"

[[golden]]
image = "cat.png"
label = "cat"
"""
SHORT = """
model = "legacy"
version = 3
classes = 2
labels = ["cat", "dog"]
image = { height = 32, width = 48 }
input = { name = "pixels", scaling = "none" }
output = { name = "scores", kind = "probabilities" }
"""


def write(folder: Path, text: str) -> Path:
    path = folder / "legacy.toml"
    path.write_text(text)
    return path


def test_every_member_is_read(tmp_path: Path) -> None:
    (tmp_path / "cat.png").write_bytes(b"a picture")

    assert read_sidecar(write(tmp_path, WHOLE)) == Sidecar(
        model="legacy",
        version=3,
        labels=("cat", "dog"),
        image=ImageSpec(height=32, width=48, fit="pad", fill=(1, 2, 3), filter="bicubic"),
        scaling="caffe",
        signature="classify",
        input_name="pixels",
        output_name="scores",
        output_kind="logits",
        max_batch_size=8,
        unknown_threshold=0.5,
        golden=(LabelledImage(image_bytes=b"a picture", label="cat"),),
    )


def test_what_may_be_left_out_has_its_usual_value(tmp_path: Path) -> None:
    sidecar = read_sidecar(write(tmp_path, SHORT))

    assert sidecar.image == ImageSpec(height=32, width=48)
    assert (sidecar.signature, sidecar.max_batch_size, sidecar.unknown_threshold) == (
        "serving_default",
        32,
        0,
    )
    assert sidecar.golden == ()


def test_labels_may_be_lines_of_a_file(tmp_path: Path) -> None:
    (tmp_path / "labels.txt").write_text("cat\ndog\n")
    text = SHORT.replace('labels = ["cat", "dog"]', 'labels_file = "labels.txt"')

    assert read_sidecar(write(tmp_path, text)).labels == ("cat", "dog")


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("classes = 2", "classes = 3", "there are 2 labels for 3 classes"),
        ("classes = 2\n", "", "classes is missing"),
        ('"dog"]', '"cat"]', "labels must be at least two, all different"),
        ("version = 3", "version = -3", "version must be 0 or more"),
        ('"legacy"', '"a/b"', "model name 'a/b'"),
        ("classes = 2", "classes = 2\nmax_batch_size = 12", "max_batch_size must be a power of two"),
        ("classes = 2", "classes = 2\nthreshold = 1", "threshold is not known; there are: model,"),
        ("classes = 2", 'classes = 2\nlabels_file = "x"', "either labels or labels_file"),
        ('"none" }', '"none", shape = 1 }', "input.shape is not known"),
        ('scaling = "none"', 'scaling = "half"', "input.scaling is not one of 1/255, caffe, tf, torch, none"),
        ('kind = "probabilities"', 'kind = "p"', "output.kind is not one of probabilities, logits"),
        ("width = 48", "width = 0", "image size 0x32"),
        ("width = 48", "width = 48, filter = 'x'", "image filter 'x'"),
        ("version = 3", "version = ", "not TOML"),
    ],
)
def test_what_is_wrong_is_named_in_one_line(tmp_path: Path, old: str, new: str, said: str) -> None:
    assert old in SHORT

    with pytest.raises(SidecarError, match=r"legacy\.toml|sidecar") as caught:
        read_sidecar(write(tmp_path, SHORT.replace(old, new)))

    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_golden_label_that_the_model_does_not_have_is_refused(tmp_path: Path) -> None:
    (tmp_path / "cat.png").write_bytes(b"a picture")

    with pytest.raises(SidecarError, match="'owl' is not one of the labels"):
        read_sidecar(write(tmp_path, WHOLE.replace('label = "cat"', 'label = "owl"')))


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(SidecarError, match=r"cat\.png: No such file"):
        read_sidecar(write(tmp_path, WHOLE))
    with pytest.raises(SidecarError, match=r"none\.toml: No such file"):
        read_sidecar(tmp_path / "none.toml")
