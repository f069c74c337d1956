"""Files, folders and globs of this machine."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

from scoring.errors import SourceError
from scoring.sources.listed import Listed
from scoring.sources.walk import files_below, files_matching
from scoring.sources.wildcards import fixed_part, has_wildcard

_SCHEME = re.compile("^(file|local)://")


def as_local(source: str) -> str:
    """A path without the `file://` that it may have been given with; anything else as it is."""
    return source if "::" in source else _SCHEME.sub("", source)


def list_local(source: str) -> Iterator[Listed]:
    """A file, all files of a folder, or what a glob (`*`, `?`, `[…]`, `**`) matches, sorted by path.

    Hidden files and folders are left out, and links to folders are not followed, but where they are named; a
    link that leads nowhere is a photograph that cannot be read.

    Raises:
        SourceError: nothing is there, or a folder cannot be listed.
    """
    path = Path(source)
    if path.is_dir():
        yield from (_listed(name, len(source)) for name in files_below(_folder, source))
    elif path.exists():
        yield Listed(source, path.name)
    elif has_wildcard(source):
        yield from _glob(re.sub(f"{os.sep}+", os.sep, source))
    else:
        raise SourceError(f"{source}: no such file or folder")


def _glob(pattern: str) -> Iterator[Listed]:
    """Relative to the last folder before the first wildcard."""
    none = True
    for name in files_matching(_folder, pattern):
        none = False
        yield _listed(name, len(fixed_part(pattern)))
    if none:
        raise SourceError(f"{pattern}: no file matches")


def _listed(path: str, start: int) -> Listed:
    return Listed(path, path[start:].lstrip(os.sep).replace(os.sep, "/"))


def _folder(folder: str) -> Iterator[str]:
    try:
        with os.scandir(folder or os.curdir) as found:
            for entry in found:
                if not entry.name.startswith(".") and _counts(entry):
                    path = os.path.join(folder, entry.name)  # noqa: PTH118 - a million of them
                    yield f"{path}/" if _is_folder(entry) else path
    except OSError as exc:
        raise SourceError(f"{folder}: {exc.strerror}") from exc


def _is_folder(entry: os.DirEntry[str]) -> bool:
    return entry.is_dir(follow_symlinks=False)


def _counts(entry: os.DirEntry[str]) -> bool:
    """Folders, files and links to files: no pipe, no link to a folder."""
    if not entry.is_symlink():
        return _is_folder(entry) or entry.is_file()
    try:
        return entry.is_file() or not Path(entry.path).exists()
    except OSError:  # a link in a circle, or through a folder that may not be entered
        return True
