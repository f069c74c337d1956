"""Files are written aside and renamed, so that what an interrupted process leaves never looks whole.

A process that is killed leaves what lay aside. The next one removes it: whoever lives holds a lock.
"""

from __future__ import annotations

import re
import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from contract.locks import locked, locked_if_ours

_LOCK_FILE = "lock"
_ASIDE = re.compile(r"\.(?P<kind>[^-]+)-(.*-)?[0-9a-f]{32}")


def aside_path(target: Path) -> Path:
    """A new name beside the target, on the same file system."""
    return target.with_name(f".{target.name}-{uuid.uuid4().hex}")


@contextmanager
def written_aside(target: Path) -> Iterator[Path]:
    """As `written_beside`, in a folder that is made where it is missing.

    Raises:
        OSError: nothing can be written beside the target.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    with written_beside(target) as path:
        yield path


@contextmanager
def written_beside(target: Path) -> Iterator[Path]:
    """Where to write what is renamed to the target once it is whole; gone afterwards.

    Removes first what killed processes have left of targets of the same kind, which is the target's name up
    to its first hyphen.

    Raises:
        FileNotFoundError: there is no folder of the target.
        OSError: nothing can be written beside the target.
    """
    remove_abandoned(target.parent, target.name.partition("-")[0])
    folder, lock = _begun(target)
    with lock:
        try:
            yield folder / target.name
        finally:
            shutil.rmtree(folder, ignore_errors=True)


def remove_files_aside(folder: Path) -> None:
    """Remove the files an earlier process has left aside in a folder that only this one writes to.

    Raises:
        OSError: they cannot be removed.
    """
    for path in folder.iterdir():
        if _ASIDE.fullmatch(path.name) and path.is_file():
            path.unlink()


def remove_abandoned(folder: Path, kind: str) -> None:
    """Remove what killed processes have left aside of targets called `<kind>-…`.

    Raises:
        OSError: the folder cannot be read.
    """
    for path in folder.iterdir():
        name = _ASIDE.fullmatch(path.name)
        if name is None or name["kind"] != kind or not path.is_dir():
            continue
        lock = locked_if_ours(path / _LOCK_FILE)
        if lock is not None:
            with lock:
                shutil.rmtree(path, ignore_errors=True)


def _begun(target: Path) -> tuple[Path, BinaryIO]:
    """A new folder and its lock; before that is locked another process may take it for an abandoned one."""
    while True:
        folder = aside_path(target)
        folder.mkdir()
        try:
            lock = locked(folder / _LOCK_FILE)
        except OSError:
            shutil.rmtree(folder, ignore_errors=True)
            raise
        if lock is not None:
            return folder, lock
