"""What lies on the disk: folders of versions, and whether one has changed."""

from __future__ import annotations

import os
import re
from pathlib import Path

_NUMBER = re.compile(r"[0-9]{1,19}", re.ASCII)
_MAX_NUMBER = 2**63 - 1

Fingerprint = tuple[tuple[str, int, int, int], ...]


def version_folders(base_path: Path) -> dict[int, Path]:
    """Folder by version: `00000004` is version 4, and what is no whole number is not looked at.

    Raises:
        OSError: the base path cannot be listed though it exists.
    """
    found = {int(path.name): path for path in _folders(base_path) if _NUMBER.fullmatch(path.name)}
    return {number: path for number, path in found.items() if number <= _MAX_NUMBER}


def fingerprint(folder: Path) -> Fingerprint:
    """Of everything below it: equal as long as nothing was written, replaced, added or removed.

    Raises:
        OSError: something in it went away meanwhile.
    """
    stats = ((path, _stat(path)) for path in sorted([folder, *folder.rglob("*")]))
    return tuple((str(path), stat.st_ino, stat.st_size, stat.st_mtime_ns) for path, stat in stats)


def _stat(path: Path) -> os.stat_result:
    """Of what a link leads to; of the link itself where it leads nowhere."""
    try:
        return path.stat()
    except OSError:
        return path.lstat()


def _folders(parent: Path) -> list[Path]:
    """The visible folders in one, in the order of their names; none where it is missing."""
    try:
        return sorted(path for path in parent.iterdir() if path.is_dir() and not path.name.startswith("."))
    except (FileNotFoundError, NotADirectoryError):
        return []
