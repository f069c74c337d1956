"""A file that others change: what is seen, and what is not believed."""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from serving.watched_file import WatchedFile, WatchedFileError
from tests.clock import Clock


def number(data: bytes) -> int:
    if not data.isdigit():
        raise ValueError("not a number")
    return int(data)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "number"
    path.write_text("1")
    return path


def replace(path: Path, text: str) -> None:
    aside = path.with_name("aside")
    aside.write_text(text)
    aside.replace(path)


def test_a_change_is_seen_a_second_later_and_not_looked_for_before(path: Path) -> None:
    clock = Clock()
    file = WatchedFile(path, number, clock=clock)
    replace(path, "2")

    at_once = file.current()
    clock.turn(1)

    assert (at_once, file.current()) == (1, 2)


def test_a_file_of_the_same_size_and_time_under_the_same_name_is_another(path: Path) -> None:
    clock = Clock()
    file = WatchedFile(path, number, clock=clock)
    times = path.stat()
    replace(path, "2")
    os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))
    clock.turn(1)

    assert file.current() == 2


def test_a_link_that_is_turned_to_another_folder_is_followed(tmp_path: Path) -> None:
    for name, text in (("old", "1"), ("new", "2")):
        (tmp_path / name).mkdir()
        (tmp_path / name / "number").write_text(text)
    (tmp_path / "data").symlink_to("old")
    clock = Clock()
    file = WatchedFile(tmp_path / "data" / "number", number, clock=clock)
    (tmp_path / "aside").symlink_to("new")
    (tmp_path / "aside").replace(tmp_path / "data")
    clock.turn(1)

    assert file.current() == 2


def test_a_broken_file_is_logged_once_and_what_was_good_is_kept(
    path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    clock = Clock()
    file = WatchedFile(path, number, clock=clock)
    replace(path, "secret text")
    seen = []
    for _ in range(3):
        clock.turn(1)
        seen.append(file.current())

    assert seen == [1, 1, 1]
    assert [record.getMessage() for record in caplog.records] == [
        f"{path}: not a number; what it said before stays in force"
    ]


def test_a_file_that_goes_and_comes_back_is_read_again(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    clock = Clock()
    file = WatchedFile(path, number, clock=clock)
    path.unlink()
    clock.turn(1)
    gone = file.current()
    replace(path, "3")
    clock.turn(1)

    assert (gone, file.current()) == (1, 3)
    assert "No such file or directory" in caplog.text


@pytest.mark.parametrize("text", [None, "text"], ids=["missing", "broken"])
def test_without_a_good_file_there_is_no_start(text: str | None, tmp_path: Path) -> None:
    path = tmp_path / "number"
    if text is not None:
        path.write_text(text)

    with pytest.raises(WatchedFileError, match=r"number: (No such file|not a number)"):
        WatchedFile(path, number)


def test_a_file_that_could_not_be_read_is_read_once_it_can_be(
    open_folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    clock, path = Clock(), open_folder / "number"
    path.write_text("1")
    file = WatchedFile(path, number, clock=clock)
    replace(path, "2")
    path.chmod(0)
    seen = []
    with unprivileged():
        for _ in range(2):
            clock.turn(1)
            seen.append(file.current())
    path.chmod(0o644)
    clock.turn(1)

    assert (seen, file.current()) == ([1, 1], 2)
    assert caplog.text.count("Permission denied") == 1


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """One that others may look into, unlike pytest's own."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)


def test_an_error_nobody_thought_of_leaves_what_was_good_in_force(path: Path) -> None:
    def parse(data: bytes) -> int:
        if data == b"worse":
            raise KeyError(data)
        return number(data)

    clock = Clock()
    file = WatchedFile(path, parse, clock=clock)
    replace(path, "worse")
    clock.turn(1)

    assert file.current() == 1


@contextlib.contextmanager
def unprivileged() -> Iterator[None]:
    """Root reads what nobody may."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)
