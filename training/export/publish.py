"""Makes a version visible all at once, or not at all.

It is written to a sibling folder whose name is no number, which TensorFlow Serving ignores, and renamed.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import uuid
from collections.abc import Callable
from pathlib import Path

from contract.model_folder import is_version_name
from training.errors import ExportError


def publish(base: Path, write: Callable[[Path], None]) -> Path:
    """Have a version written and give it the next free number.

    Args:
        base: the model's folder, `<models>/<name>`; created where it is missing.
        write: writes the version into the folder it is given. Whatever it raises, nothing stays behind.

    Returns:
        `<base>/<number>`.

    Raises:
        ExportError: the disk is full or may not be written.
    """
    aside = base / f".incoming-{uuid.uuid4().hex}"
    try:
        aside.mkdir(parents=True)
        write(aside)
        _sync(aside)
        return _rename_to_next(aside, base)
    except OSError as exc:
        raise ExportError(f"cannot write a version into {base}: {exc.strerror or exc}") from exc
    finally:
        _remove(aside)


def check_writable(base: Path) -> None:
    """Find out before hours are spent whether a version could be published.

    Raises:
        ExportError: the folder cannot be made or written.
    """
    probe = base / f".incoming-{uuid.uuid4().hex}"
    try:
        probe.mkdir(parents=True)
    except OSError as exc:
        raise ExportError(f"cannot write into {base}: {exc.strerror or exc}") from exc
    finally:
        _remove(probe)


def _rename_to_next(aside: Path, base: Path) -> Path:
    while True:
        target = base / str(1 + _highest_number(base))
        try:
            aside.rename(target)
        except OSError:
            if not target.exists():
                raise
            continue  # another export was faster: a folder with content is never replaced
        _sync_folder(base)
        return target


def _highest_number(base: Path) -> int:
    """Of any folder that is named as a version is, also one that holds none: its number is taken."""
    return max((int(child.name) for child in base.iterdir() if is_version_name(child.name)), default=0)


def _sync(folder: Path) -> None:
    """Bring content to the disk before the name: after a power cut a version is whole or absent."""
    for path in sorted(folder.rglob("*"), reverse=True):
        if path.is_dir():
            _sync_folder(path)
        else:
            with path.open("rb") as file:
                os.fsync(file.fileno())
    _sync_folder(folder)


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _remove(aside: Path) -> None:
    """Take away what was not published, and the model's folder where nothing else is in it."""
    shutil.rmtree(aside, ignore_errors=True)
    with contextlib.suppress(OSError):
        aside.parent.rmdir()
