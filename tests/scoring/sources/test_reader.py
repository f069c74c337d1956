"""From a path or URL to bytes: bounded, tried again over a network, and each archive opened once."""

from __future__ import annotations

import contextlib
import io
import os
import tarfile
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import fsspec
import numpy as np
import pytest
from fsspec.spec import AbstractFileSystem

from scoring.errors import ImageTooLargeError, SourceError, UnreadableImageError
from scoring.sources.listing import list_source
from scoring.sources.reader import Reader
from tests.archives import write_tar, write_zip
from tests.file_server import file_server
from tests.small_disk import mounted


class Shaky(AbstractFileSystem):
    """One file, which cannot be opened before the third try."""

    protocol = "shaky"
    cachable = False
    failures: list[Exception] = []  # noqa: RUF012 - fsspec makes the objects: the test turns the class
    opened = 0
    content = b"photograph"

    def _open(self, path, mode="rb", **_):
        del path, mode
        type(self).opened += 1
        if self.failures:
            raise self.failures.pop(0)
        return io.BytesIO(self.content)


class Counted(io.BytesIO):
    bytes_read = 0

    def read(self, size: int | None = -1, /) -> bytes:
        data = super().read(size)
        self.bytes_read += len(data)
        return data


def _filesystem_of(file: io.BytesIO) -> type[AbstractFileSystem]:
    class OneFile(AbstractFileSystem):
        cachable = False

        def _open(self, path, mode="rb", **_):
            del path, mode
            return file

    return OneFile


@pytest.fixture
def shaky():
    fsspec.register_implementation("shaky", Shaky, clobber=True)
    Shaky.failures, Shaky.opened, Shaky.content = [], 0, b"photograph"
    return Shaky


def test_a_file_is_read_whole(tmp_path):
    (tmp_path / "a.jpg").write_bytes(b"photograph")

    assert Reader(max_bytes=10).read(f"{tmp_path}/a.jpg") == b"photograph"


@pytest.mark.parametrize(
    "name", ["a.jpg", "zip://a.jpg::p.zip", "tar://a.jpg::p.tgz", "memory://a.jpg", "http"]
)
def test_a_photograph_of_more_bytes_than_allowed_is_refused_wherever_it_is(tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    Path("a.jpg").write_bytes(b"photograph")
    write_zip(Path("p.zip"), {"a.jpg": b"photograph"})
    write_tar(Path("p.tgz"), {"a.jpg": b"photograph"}, mode="w:gz")
    fsspec.filesystem("memory").pipe("/a.jpg", b"photograph")

    with file_server(tmp_path) as url, Reader(max_bytes=10) as just, Reader(max_bytes=9) as less:
        path = f"{url}/a.jpg" if name == "http" else name
        assert just.read(path) == b"photograph"
        with pytest.raises(ImageTooLargeError, match="more than 9 bytes") as caught:
            less.read(path)

    assert caught.value.code == "body_too_large"


def test_bytes_that_are_given_are_bounded_as_well():
    assert Reader(max_bytes=10).read(b"photograph") == b"photograph"
    with pytest.raises(ImageTooLargeError):
        Reader(max_bytes=9).read(b"photograph")


def test_no_more_is_read_of_a_file_without_end_than_may_be():
    with pytest.raises(ImageTooLargeError):
        Reader(max_bytes=1000).read("/dev/zero")


@pytest.mark.parametrize(
    ("path", "why"),
    [
        ("gone.jpg", "No such file or directory"),
        ("folder", "Is a directory"),
        ("a\0b.jpg", "null"),
        ("x" * 300, "File name too long"),
    ],
)
def test_a_file_that_cannot_be_read_is_a_refused_photograph(tmp_path, path, why):
    (tmp_path / "folder").mkdir()

    with pytest.raises(UnreadableImageError, match=why) as caught:
        Reader(max_bytes=10).read(f"{tmp_path}/{path}")

    assert caught.value.code == "image_unreadable"


@pytest.mark.timeout(20)
def test_a_pipe_is_a_refused_photograph_and_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "pipe.jpg")

    with pytest.raises(UnreadableImageError, match="it is a pipe"):
        Reader(max_bytes=10).read(f"{tmp_path}/pipe.jpg")


def test_a_file_whose_name_is_no_utf8_is_read(tmp_path):
    path = os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9.jpg")
    Path(path).write_bytes(b"photograph")

    assert Reader(max_bytes=10).read(path) == b"photograph"


def test_a_bad_moment_of_a_network_is_waited_for(shaky):
    pauses: list[float] = []
    shaky.failures = [OSError("reset"), TimeoutError()]

    data = Reader(max_bytes=10, sleep=pauses.append).read("shaky://a.jpg")

    assert (data, shaky.opened, pauses) == (b"photograph", 3, [0.5, 1.0])


def test_a_network_that_gives_nothing_in_four_tries_is_a_refused_photograph(shaky):
    pauses: list[float] = []
    shaky.failures = [RuntimeError(f"trouble {n}\n  with details") for n in range(9)]

    with pytest.raises(UnreadableImageError, match=r"trouble 3 with details$"):
        Reader(max_bytes=10, sleep=pauses.append).read("shaky://a.jpg")

    assert (shaky.opened, pauses) == (4, [0.5, 1.0, 2.0])


def test_a_bad_moment_of_a_network_is_waited_for_by_who_reads_an_archive_too(shaky, tmp_path):
    pauses: list[float] = []
    shaky.content = write_zip(tmp_path / "p.zip", {"a.jpg": b"photograph"}).read_bytes()
    shaky.failures = [OSError("reset"), TimeoutError()]

    with Reader(max_bytes=10, sleep=pauses.append) as reader:
        assert reader.read("zip://a.jpg::shaky://p.zip") == b"photograph"
        with pytest.raises(UnreadableImageError, match=r"b\.jpg"):
            reader.read("zip://b.jpg::shaky://p.zip")

    assert (shaky.opened, pauses) == (3, [0.5, 1.0])


@pytest.mark.parametrize("failure", [FileNotFoundError("a.jpg"), PermissionError(13, "Permission denied")])
def test_what_another_try_will_not_bring_is_not_tried_again(shaky, failure):
    shaky.failures = [failure]

    with pytest.raises(UnreadableImageError, match="cannot be read"):
        Reader(max_bytes=10, sleep=pytest.fail).read("shaky://a.jpg")

    assert shaky.opened == 1


def test_what_a_web_server_no_longer_has_is_a_refused_photograph(tmp_path):
    with file_server(tmp_path) as url, pytest.raises(UnreadableImageError):
        Reader(max_bytes=10, sleep=pytest.fail).read(f"{url}/gone.jpg")


def test_a_reason_with_a_name_that_is_no_utf8_can_be_written_anywhere(tmp_path):
    path = write_tar(tmp_path / "p.tar", {"a.jpg": b"a"})

    with Reader(max_bytes=10) as reader, pytest.raises(UnreadableImageError) as caught:
        reader.read(f"tar://caf\udce9.jpg::{path}")

    assert "caf\\udce9.jpg" in str(caught.value)
    str(caught.value).encode()


def test_a_chain_of_fsspec_that_is_no_archive_is_read_too():
    fsspec.filesystem("memory").pipe("/bucket/a.jpg", b"photograph")

    with Reader(max_bytes=10) as reader:
        [listed] = list_source("simplecache::memory://bucket/a.jpg")
        assert reader.read(listed.path) == b"photograph"


@pytest.mark.parametrize("name", ["p.zip", "p.tar", "p.tgz"])
def test_an_archive_that_is_gone_is_a_refused_photograph(tmp_path, name):
    protocol = "zip" if name.endswith(".zip") else "tar"

    with Reader(max_bytes=10) as reader, pytest.raises(UnreadableImageError, match="No such file"):
        reader.read(f"{protocol}://a.jpg::{tmp_path}/{name}")


def test_a_damaged_member_of_an_archive_fails_alone(tmp_path):
    path = write_zip(tmp_path / "p.zip", {"a.jpg": b"first photograph", "b.jpg": b"second"})
    path.write_bytes(path.read_bytes().replace(b"first photograph", b"other photograph", 1))

    with Reader(max_bytes=100) as reader:
        with pytest.raises(UnreadableImageError, match="CRC"):
            reader.read(f"zip://a.jpg::{path}")
        assert reader.read(f"zip://b.jpg::{path}") == b"second"


@pytest.mark.parametrize("name", ["p.zip", "p.tar", "p.tgz"])
def test_threads_read_one_archive_in_any_order(tmp_path, name):
    members = {f"{n}.jpg": bytes([n]) * 5000 for n in range(50)}
    path = tmp_path / name
    if name.endswith(".zip"):
        write_zip(path, members)
    else:
        write_tar(path, members, mode="w:gz" if name.endswith(".tgz") else "w")
    wanted = [(listed.path, members[listed.relative]) for listed in list_source(str(path))] * 4
    np.random.default_rng(3).shuffle(wanted)

    with Reader(max_bytes=5000) as reader, ThreadPoolExecutor(4) as threads:
        found = list(threads.map(reader.read, [path for path, _ in wanted]))

    assert found == [data for _, data in wanted]


def test_a_compressed_tar_is_unpacked_once_however_it_is_read(tmp_path):
    members = {f"{n}.jpg": np.random.default_rng(n).bytes(20_000) for n in range(100)}
    path = write_tar(tmp_path / "p.tar.gz", members, mode="w:gz")
    read = Counted(path.read_bytes())
    fsspec.register_implementation("counted", _filesystem_of(read), clobber=True)

    with Reader(max_bytes=20_000) as reader:
        for name in [*reversed(members), *members]:
            assert reader.read(f"tar://{name}::counted://p.tar.gz") == members[name]

    assert read.bytes_read <= path.stat().st_size + 1_000_000


def test_links_within_a_tar_are_read_as_what_they_lead_to(tmp_path):
    path = write_tar(tmp_path / "p.tar", {"x/a.jpg": b"photograph"})
    with tarfile.open(path, "a") as archive:
        for name, kind, target in [
            ("h.jpg", tarfile.LNKTYPE, "x/a.jpg"),
            ("x/s.jpg", tarfile.SYMTYPE, "a.jpg"),
        ]:
            info = tarfile.TarInfo(name)
            info.type, info.linkname = kind, target
            archive.addfile(info)

    with Reader(max_bytes=10) as reader:
        found = {listed.relative: reader.read(listed.path) for listed in list_source(str(path))}

    assert found == dict.fromkeys(["x/a.jpg", "h.jpg", "x/s.jpg"], b"photograph")


def test_a_disk_without_room_to_unpack_ends_the_run_and_refuses_no_photograph(tmp_path, monkeypatch):
    path = write_tar(tmp_path / "p.tgz", {"a.jpg": np.random.default_rng(1).bytes(2_000_000)}, mode="w:gz")

    with mounted(tmp_path / "disk", size="300k") as small, Reader(max_bytes=10) as reader:
        monkeypatch.setattr(tempfile, "tempdir", str(small))
        with pytest.raises(SourceError, match=r"p\.tgz cannot be unpacked in .*disk: No space left"):
            reader.read(f"tar://a.jpg::{path}")


@pytest.mark.parametrize("name", ["p.zip", "p.tar", "p.tgz"])
def test_archives_are_opened_once_and_closed_with_the_reader(tmp_path, name):
    modes = {"p.tar": "w", "p.tgz": "w:gz"}
    members = {"a.jpg": b"a"}
    path = tmp_path / name
    write_tar(path, members, mode=modes[name]) if name in modes else write_zip(path, members)
    protocol = "tar" if name in modes else "zip"
    before = _open_files(tmp_path)

    with Reader(max_bytes=10) as reader:
        for _ in range(5):
            assert reader.read(f"{protocol}://a.jpg::{path}") == b"a"
        assert _open_files(tmp_path) == before + 1

    assert _open_files(tmp_path) == before


def _open_files(folder: Path) -> int:
    """In that folder, or without a name."""
    links = []
    for descriptor in Path("/proc/self/fd").iterdir():
        with contextlib.suppress(FileNotFoundError):  # the one that lists them
            links.append(str(descriptor.readlink()))
    return sum(link.startswith(str(folder)) or link.endswith("(deleted)") for link in links)


def test_a_file_whose_size_no_system_tells_is_read_whole_and_limited():
    with Reader(max_bytes=1_000_000) as reader:
        assert reader.read("/proc/self/status").startswith(b"Name:")
    with Reader(max_bytes=20) as reader, pytest.raises(ImageTooLargeError):
        reader.read("/proc/self/status")
