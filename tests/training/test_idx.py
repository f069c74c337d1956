from __future__ import annotations

import gzip
import io
import tempfile

import numpy as np
import pytest
from PIL import Image

from training.errors import DatasetError
from training.idx import IdxImage, read_idx

from .idx_files import digits, idx_bytes, write_idx


@pytest.mark.parametrize("name", ["train-images-idx3-ubyte", "train-images-idx3-ubyte.gz"])
@pytest.mark.parametrize("shape", [(), (5,), (28, 20), (8, 9, 3)])
def test_values_are_read_back_packed_and_unpacked(tmp_path, name, shape):
    values = digits(7, shape=shape)

    assert np.array_equal(read_idx(write_idx(tmp_path / name, values)), values)


@pytest.mark.parametrize("shape", [(28, 20), (8, 9, 3)])
def test_an_image_is_a_png_of_its_values(shape):
    images = digits(3, shape=shape)

    image_bytes = IdxImage(images=images, index=1).read()

    with Image.open(io.BytesIO(image_bytes)) as image:
        assert (image.format, image.mode) == ("PNG", "L" if len(shape) == 2 else "RGB")
        assert np.array_equal(np.array(image), images[1])


WHOLE = idx_bytes(digits(4))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "no idx file of uint8"),
        (b"\x89PNG\r\n\x1a\n", "no idx file of uint8: it begins with the bytes 89 50 4e 47"),
        (b"\0\0\x0d" + WHOLE[3:], "no idx file of uint8"),
        (b"\0\0\x08\0", "no idx file of uint8"),
        (WHOLE[:10], "ends within its header"),
        (WHOLE[:-1], "shorter or longer"),
        (WHOLE + b"\0", "shorter or longer"),
        (idx_bytes(digits(0)), "holds nothing"),
        (b"\0\0\x08\x03" + b"\xff" * 12, "shorter or longer"),
    ],
)
@pytest.mark.parametrize("name", ["images", "images.gz"])
def test_a_damaged_file_is_refused_by_name(tmp_path, name, content, message):
    path = tmp_path / name
    path.write_bytes(gzip.compress(content) if path.suffix else content)

    with pytest.raises(DatasetError, match=message) as refusal:
        read_idx(path)

    assert str(path) in str(refusal.value)
    assert "\n" not in str(refusal.value)


PACKED = gzip.compress(WHOLE)


@pytest.mark.parametrize(
    "content", [b"", WHOLE, PACKED[:-12], PACKED[:40] + b"?" * 99], ids=["empty", "unpacked", "cut", "spoilt"]
)
def test_what_is_no_whole_gzip_stream_is_refused(tmp_path, content):
    path = tmp_path / "images.gz"
    path.write_bytes(content)

    with pytest.raises(DatasetError, match=r"images\.gz is no"):
        read_idx(path)


def test_a_file_that_is_not_there_is_one_clear_line(tmp_path):
    with pytest.raises(DatasetError, match=r"cannot read .*nowhere: No such file"):
        read_idx(tmp_path / "nowhere")


def test_a_temporary_folder_too_full_for_the_copy_is_named_in_one_clear_line(
    tmp_path, small_disk, monkeypatch
):
    path = write_idx(tmp_path / "images.gz", np.zeros((600, 28, 28), np.uint8))
    monkeypatch.setattr(tempfile, "tempdir", str(small_disk))

    with pytest.raises(DatasetError) as refusal:
        read_idx(path)

    assert str(refusal.value) == (
        f"the temporary folder {small_disk} has no room for a copy of {path}: No space left on device; "
        "make some there, or name another folder with TMPDIR"
    )
