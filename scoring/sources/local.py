"""Files, folders and globs of this machine."""

from __future__ import annotations

import contextlib
import glob
import os
import re
from collections.abc import Iterator
from pathlib import Path

from scoring.errors import SourceError
from scoring.sources.listed import Listed
from scoring.sources.name_index import NameIndex


def list_local(source: str) -> Iterator[Listed]:
    """A file, all files of a folder, or what a glob (`*`, `?`, `[…]`, `**`) matches.

    Of a folder hidden files and folders are left out, and links to folders are not followed; a link that
    leads nowhere is a photograph that cannot be read. Sorted by name, folder by folder.

    Raises:
        SourceError: nothing is there, or a folder cannot be listed.
    """
    path = Path(source)
    if path.is_dir():
        yield from _folder(source, "")
    elif path.exists():
        yield Listed(source, path.name)
    elif glob.has_magic(source):
        yield from _glob(source)
    else:
        raise SourceError(f"{source}: no such file or folder")


def _folder(folder: str, relative: str) -> Iterator[Listed]:
    try:
        with os.scandir(folder) as found:
            entries = NameIndex((e.name, _is_folder(e)) for e in found if e.name[0] != "." and _counts(e))
    except OSError as exc:
        raise SourceError(f"{folder}: {exc.strerror}") from exc
    with contextlib.closing(entries):
        for name, is_folder in entries.in_order():
            path, below = os.path.join(folder, name), f"{relative}{name}"  # noqa: PTH118 - a million of them
            if is_folder:
                yield from _folder(path, f"{below}/")
            else:
                yield Listed(path, below)


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


def _glob(pattern: str) -> Iterator[Listed]:
    """Relative to the last folder before the first wildcard."""
    pattern = re.sub(f"{os.sep}+", os.sep, pattern)  # as glob gives its paths
    start = len(_fixed_part(pattern))
    found = glob.iglob(pattern, recursive=True)  # noqa: PTH207 - patterns may be absolute
    files = NameIndex((path, None) for path in found if os.path.isfile(path))  # noqa: PTH113 - as above
    with contextlib.closing(files):
        if not files:
            raise SourceError(f"{pattern}: no file matches")
        for path in files:
            yield Listed(path, path[start:].replace(os.sep, "/"))


def _fixed_part(pattern: str) -> str:
    folders = pattern.split(os.sep)  # noqa: PTH206 - what stays must be the pattern's own beginning
    fixed = next(n for n, folder in enumerate(folders) if glob.has_magic(folder))
    return "".join(f"{folder}{os.sep}" for folder in folders[:fixed])
