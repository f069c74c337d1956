from __future__ import annotations

import contextlib
import os
import socket

import numpy as np
import pytest

from contract.image import decode
from contract.image_spec import ImageSpec
from training.errors import CacheError, DatasetError
from training.photographs import find_photographs
from training.pixels import decode_photographs

from .pictures import write_classes

SPEC = ImageSpec(height=24, width=16)


def test_pixels_are_those_of_the_one_decoder(tmp_path):
    found = find_photographs(write_classes(tmp_path / "in", per_class=2, suffix=".jpg"))

    decoded = decode_photographs(found, SPEC, cache=tmp_path / "cache", progress=False)

    for photograph in decoded.photographs:
        expected = decode(photograph.path.read_bytes(), SPEC)
        assert np.array_equal(decoded.pixels[decoded.rows[photograph.relative]], expected)


def test_unreadable_files_are_listed_with_their_codes_and_left_out(tmp_path):
    root = write_classes(tmp_path / "in", per_class=3)
    (root / "blue" / "notes.jpg").write_text("hello", "utf-8")
    picture = (root / "amber" / "000.png").read_bytes()
    (root / "amber" / "cut.png").write_bytes(picture[: len(picture) // 2])

    decoded = decode_photographs(find_photographs(root), SPEC, cache=tmp_path / "cache", progress=False)

    assert [(entry.path, entry.code) for entry in decoded.unreadable] == [
        ("amber/cut.png", "image_undecodable"),
        ("blue/notes.jpg", "unsupported_format"),
    ]
    assert len(decoded.photographs) == 9


def test_a_second_run_reads_the_cache(tmp_path):
    found = find_photographs(write_classes(tmp_path / "in", per_class=1))
    first = decode_photographs(found, SPEC, cache=tmp_path / "cache", progress=False)
    [kept] = (tmp_path / "cache").iterdir()
    written = (kept / "pixels.npy").stat().st_mtime_ns

    second = decode_photographs(found, SPEC, cache=tmp_path / "cache", progress=False)

    assert np.array_equal(first.pixels, second.pixels)
    assert [entry.name for entry in (tmp_path / "cache").iterdir()] == [kept.name]
    assert (kept / "pixels.npy").stat().st_mtime_ns == written


@pytest.mark.parametrize("change", ["content", "path", "spec"])
def test_the_cache_is_keyed_by_whatever_decides_the_pixels(tmp_path, change):
    root = write_classes(tmp_path / "in", per_class=2)
    decode_photographs(find_photographs(root), SPEC, cache=tmp_path / "cache", progress=False)

    spec = ImageSpec(height=24, width=16, fit="pad") if change == "spec" else SPEC
    if change == "content":
        (root / "blue" / "000.png").write_bytes((root / "amber" / "000.png").read_bytes())
    if change == "path":
        (root / "blue" / "000.png").rename(root / "blue" / "other.png")
    decode_photographs(find_photographs(root), spec, cache=tmp_path / "cache", progress=False)

    assert len(list((tmp_path / "cache").iterdir())) == 2


def test_a_class_without_a_readable_photograph_is_refused(tmp_path):
    root = write_classes(tmp_path / "in", per_class=1)
    (root / "green" / "000.png").write_bytes(b"")

    with pytest.raises(DatasetError, match="'green'"):
        decode_photographs(find_photographs(root), SPEC, cache=tmp_path / "cache", progress=False)


def test_a_cache_that_cannot_be_written_is_one_clear_line(tmp_path):
    found = find_photographs(write_classes(tmp_path / "in", per_class=1))
    (tmp_path / "cache").write_text("a file", "utf-8")

    with pytest.raises(CacheError, match="cannot keep decoded pixels"):
        decode_photographs(found, SPEC, cache=tmp_path / "cache", progress=False)


def test_a_full_disk_is_one_clear_line_and_no_half_cache(tmp_path, small_disk):
    found = find_photographs(write_classes(tmp_path / "in", per_class=4))

    with pytest.raises(CacheError, match="No space left"):
        decode_photographs(found, ImageSpec(), cache=small_disk, progress=False)

    assert list(small_disk.iterdir()) == []


def test_what_a_killed_run_left_aside_is_removed(tmp_path):
    found = find_photographs(write_classes(tmp_path / "in", per_class=1))
    abandoned = tmp_path / "cache" / f".pixels-0123-{'a' * 32}"
    (abandoned / "pixels-0123").mkdir(parents=True)
    (abandoned / "lock").touch()

    decode_photographs(found, SPEC, cache=tmp_path / "cache", progress=False)

    [kept] = (tmp_path / "cache").iterdir()
    assert {path.name for path in kept.iterdir()} == {"pixels.npy", "unreadable.json"}


@pytest.mark.parametrize(
    ("file", "content"),
    [
        ("pixels.npy", b""),
        ("pixels.npy", b"\x93NUMPY and no more"),
        ("unreadable.json", b""),
        ("unreadable.json", b'[{"file": "blue/000.png"}]'),
        ("unreadable.json", b"7"),
    ],
)
def test_a_damaged_cache_is_dropped_and_filled_again(tmp_path, file, content):
    found = find_photographs(write_classes(tmp_path / "in", per_class=1))
    decode_photographs(found, SPEC, cache=tmp_path / "cache", progress=False)
    [kept] = (tmp_path / "cache").iterdir()
    (kept / file).write_bytes(content)

    decoded = decode_photographs(found, SPEC, cache=tmp_path / "cache", progress=False)

    assert np.array_equal(decoded.pixels[0], decode(found[0].path.read_bytes(), SPEC))
    assert list((tmp_path / "cache").iterdir()) == [kept]


def test_pixels_of_another_shape_are_decoded_again(tmp_path):
    found = find_photographs(write_classes(tmp_path / "in", per_class=1))
    decode_photographs(found, SPEC, cache=tmp_path / "cache", progress=False)
    [kept] = (tmp_path / "cache").iterdir()
    np.save(kept / "pixels.npy", np.zeros((1, 2, 3), np.uint8))

    assert decode_photographs(found, SPEC, cache=tmp_path / "cache", progress=False).pixels.shape[0] == 3


def test_what_is_no_readable_file_is_listed_and_neither_fatal_nor_a_hang(tmp_path):
    root = write_classes(tmp_path / "in", per_class=2)
    (root / "amber" / "dangling.png").symlink_to("nowhere")
    (root / "amber" / "itself.png").symlink_to("itself.png")
    os.mkfifo(root / "blue" / "fifo.png")
    (root / "green" / "ring").symlink_to(root / "green")
    listener = socket.socket(socket.AF_UNIX)
    with contextlib.chdir(root / "green"), listener:  # its whole path may be longer than a socket's name
        listener.bind("socket.png")

    decoded = decode_photographs(find_photographs(root), SPEC, cache=tmp_path / "cache", progress=False)

    assert [(entry.path, entry.code) for entry in decoded.unreadable] == [
        (path, "unreadable_file")
        for path in (
            "amber/dangling.png",
            "amber/itself.png",
            "blue/fifo.png",
            "green/ring",
            "green/socket.png",
        )
    ]
    assert len(decoded.photographs) == 6
    for photograph in decoded.photographs:
        expected = decode(photograph.path.read_bytes(), SPEC)
        assert np.array_equal(decoded.pixels[decoded.rows[photograph.relative]], expected)
