"""Zip files of all shapes: their members are those that `zipfile` finds, and read as it reads them."""

from __future__ import annotations

import zipfile
from pathlib import Path

import numpy as np
import pytest

from scoring.errors import SourceError, UnreadableImageError
from scoring.sources.listing import list_source
from scoring.sources.reader import Reader
from scoring.sources.zip_archive import ZipArchive
from tests.archives import write_zip

MEMBERS = {
    f"x/{n}.jpg": np.random.default_rng(n).integers(0, 9, 500 * n, np.uint8).tobytes() for n in range(9)
}


def _write(path: Path, *, method: int = zipfile.ZIP_STORED, comment: bytes = b"") -> Path:
    with zipfile.ZipFile(path, "w", method) as archive:
        archive.comment = comment
        for name, data in MEMBERS.items():
            archive.writestr(name, data)
    return path


def _read(path: Path) -> dict[str, bytes]:
    with Reader(max_bytes=100_000) as reader:
        return {listed.relative: reader.read(listed.path) for listed in list_source(str(path))}


@pytest.mark.parametrize(
    "method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA]
)
def test_members_are_read_however_they_are_compressed(tmp_path, method):
    assert _read(_write(tmp_path / "p.zip", method=method)) == MEMBERS


@pytest.mark.parametrize("comment", [b"taken in 2026", b"PK\x05", b"x" * 65_535])
def test_a_comment_at_the_end_hides_nothing(tmp_path, comment):
    assert _read(_write(tmp_path / "p.zip", comment=comment)) == MEMBERS


def test_a_program_before_the_archive_as_in_those_that_unpack_themselves_moves_everything(tmp_path):
    path = _write(tmp_path / "p.zip")
    path.write_bytes(b"#!/bin/sh\n" * 1000 + path.read_bytes())

    assert _read(path) == MEMBERS


@pytest.mark.parametrize("comment", [b"", b"x" * 65_535])
def test_sizes_and_places_of_eight_bytes_are_read(tmp_path, monkeypatch, comment):
    monkeypatch.setattr(zipfile, "ZIP64_LIMIT", 600)  # so that it writes most of them so

    path = _write(tmp_path / "p.zip", comment=comment)

    assert b"PK\x06\x06" in path.read_bytes()
    assert _read(path) == MEMBERS


def test_more_members_than_two_bytes_can_count_are_all_found(tmp_path):
    path = write_zip(tmp_path / "p.zip", {f"{n:05}.jpg": b"" for n in range(66_000)})

    assert [listed.relative for listed in list_source(str(path))] == [f"{n:05}.jpg" for n in range(66_000)]


def test_a_name_is_known_however_it_was_packed(tmp_path):
    names = {"é/ü.jpg": b"1", "./a//b.jpg": b"2", "folder/": b"", "/c.jpg": b"3"}

    assert _read(write_zip(tmp_path / "p.zip", names)) == {"é/ü.jpg": b"1", "a/b.jpg": b"2", "c.jpg": b"3"}


def test_a_name_of_before_unicode_is_read_as_those_programs_wrote_it(tmp_path):
    path = write_zip(tmp_path / "p.zip", {"cafe.jpg": b"photograph"})
    path.write_bytes(path.read_bytes().replace(b"cafe", b"caf\x82"))

    assert _read(path) == {"café.jpg": b"photograph"}


def test_of_a_name_that_comes_twice_the_last_is_meant(tmp_path):
    path = tmp_path / "p.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a.jpg", b"first")
        with pytest.warns(UserWarning, match="Duplicate"):
            archive.writestr("a.jpg", b"last")

    assert _read(path) == {"a.jpg": b"last"}


def test_an_encrypted_member_is_a_refused_photograph(tmp_path):
    path = write_zip(tmp_path / "p.zip", {"a.jpg": b"photograph"})
    data = bytearray(path.read_bytes())
    for signature, flags in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        data[data.index(signature) + flags] |= 1
    path.write_bytes(data)

    with Reader(max_bytes=100) as reader, pytest.raises(UnreadableImageError, match="encrypted"):
        reader.read(f"zip://a.jpg::{path}")


@pytest.mark.parametrize("part", ["signature", "length", "size of all"])
def test_a_damaged_directory_is_one_clear_line(tmp_path, part):
    data = bytearray(_write(tmp_path / "p.zip").read_bytes())
    last, end = data.rindex(b"PK\x01\x02"), data.rindex(b"PK\x05\x06")
    at = {"signature": last, "length": last + 29, "size of all": end + 14}[part]
    data[at] = 0xFF
    (tmp_path / "p.zip").write_bytes(data)

    with pytest.raises(SourceError, match=r"p\.zip: .*directory") as caught:
        list(list_source(str(tmp_path / "p.zip")))

    assert "\n" not in str(caught.value)


def test_a_member_is_not_unpacked_further_than_asked_for(tmp_path):
    path = tmp_path / "p.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("bomb.jpg", b"\0" * 10_000_000)

    with path.open("rb") as file:
        assert ZipArchive(file).read("bomb.jpg", 1001) == b"\0" * 1001
