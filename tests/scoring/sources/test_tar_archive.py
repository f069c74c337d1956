"""Tar files: long names, links, and what is no file."""

from __future__ import annotations

import io
import tarfile
from pathlib import Path

import pytest

from scoring.errors import SourceError, UnreadableImageError
from scoring.sources.listing import list_source
from scoring.sources.reader import Reader
from tests.archives import write_tar


def _append(path: Path, name: str, kind: bytes, *, target: str = "") -> None:
    with tarfile.open(path, "a") as archive:
        info = tarfile.TarInfo(name)
        info.type, info.linkname = kind, target
        archive.addfile(info)


def _relative(path: Path) -> list[str]:
    return [listed.relative for listed in list_source(str(path))]


@pytest.mark.parametrize("kind", [tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
def test_members_are_read_whatever_wrote_them(tmp_path, kind):
    names = {"a.jpg": b"1", f"{'x' * 90}/{'y' * 90}.jpg": b"2" * 1000, "b.jpg": b""}
    path = tmp_path / "p.tar"
    with tarfile.open(path, "w", format=kind) as archive:
        for name, data in names.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))

    with Reader(max_bytes=1000) as reader:
        assert {listed.relative: reader.read(listed.path) for listed in list_source(str(path))} == names


def test_folders_pipes_and_devices_are_no_photographs(tmp_path):
    path = write_tar(tmp_path / "p.tar", {"a.jpg": b"1"})
    for name, kind in [("folder", tarfile.DIRTYPE), ("pipe", tarfile.FIFOTYPE), ("null", tarfile.CHRTYPE)]:
        _append(path, name, kind)

    assert _relative(path) == ["a.jpg"]


@pytest.mark.parametrize("target", ["gone.jpg", "../../etc/passwd", "/etc/passwd", "link.jpg"])
def test_a_link_that_leads_nowhere_in_the_archive_is_a_refused_photograph(tmp_path, target):
    path = write_tar(tmp_path / "p.tar", {"a.jpg": b"1"})
    _append(path, "link.jpg", tarfile.SYMTYPE, target=target)

    assert _relative(path) == ["a.jpg", "link.jpg"]
    with Reader(max_bytes=1000) as reader, pytest.raises(UnreadableImageError):
        reader.read(f"tar://link.jpg::{path}")


def test_of_a_name_that_comes_twice_the_last_is_meant(tmp_path):
    path = write_tar(tmp_path / "p.tar", {"a.jpg": b"first"})
    with tarfile.open(path, "a") as archive:
        info = tarfile.TarInfo("./a.jpg")
        info.size = 4
        archive.addfile(info, io.BytesIO(b"last"))

    with Reader(max_bytes=10) as reader:
        assert [reader.read(listed.path) for listed in list_source(str(path))] == [b"last"]


def test_one_that_ends_within_a_photograph_is_an_error_and_no_shorter_list(tmp_path):
    path = write_tar(tmp_path / "p.tar", {"a.jpg": b"1" * 5000, "b.jpg": b"2" * 5000})
    path.write_bytes(path.read_bytes()[:8000])

    with pytest.raises(SourceError, match=r"p\.tar: "):
        _relative(path)
