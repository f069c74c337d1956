"""Files below a folder, where a store can be asked for one folder at a time."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from scoring.errors import SourceError
from scoring.sources.name_index import NameIndex
from scoring.sources.one_line import one_line
from scoring.sources.wildcards import fixed_part, matching, may_hold

# What is in a folder, by whole names in any order; those of folders end with `/`.
Folder = Callable[[str], Iterable[str]]

_DEEPEST = 100


def files_below(folder: Folder, name: str) -> Iterator[str]:
    """All files below a folder, sorted by path.

    Args:
        folder: what the store says of one.
        name: of the folder.

    Raises:
        FileNotFoundError: there is no such folder.
        SourceError: a folder in it cannot be listed, folders lie in one another without an end, or there is
            no room on the disk for the names of one.
    """
    return _below(folder, name, lambda _: True)


def files_matching(folder: Folder, glob: str) -> Iterator[str]:
    """All files that match a glob, as `files_below` gives them, from the folders that can hold such."""
    return filter(matching(glob), _below(folder, fixed_part(glob), may_hold(glob)))


def store_folder(filesystem: Any, folder: str) -> Iterator[str]:
    """What fsspec says of a folder now: what it remembers is not asked, and nothing remembered.

    Neither files nor folders, such as pipes and devices, are left out.
    """
    filesystem.dircache.clear()
    for entry in filesystem.ls(folder, detail=True):
        name = entry["name"].rstrip("/")
        if name != folder.rstrip("/") and entry["type"] != "other":
            yield f"{name}/" if entry["type"] == "directory" else name
    filesystem.dircache.clear()


def _below(folder: Folder, name: str, wanted: Callable[[str], bool], depth: int = 0) -> Iterator[str]:
    if depth > _DEEPEST:
        raise SourceError(f"{name}: more than {_DEEPEST} folders in one another; a link may lead back")
    with contextlib.closing(_entries(folder, name, depth)) as entries:
        for entry in entries:
            if not entry.endswith("/"):
                yield entry
            elif wanted(entry):
                yield from _below(folder, entry[:-1], wanted, depth + 1)


def _entries(folder: Folder, name: str, depth: int) -> NameIndex:
    try:
        return NameIndex((entry, None) for entry in folder(name))
    except SourceError:
        raise
    except FileNotFoundError as exc:
        if not depth:
            raise
        raise SourceError(f"{name}: no such folder, though one that leads there was listed") from exc
    # fsspec has a backend for each protocol, and each its own exceptions: this is the border.
    except Exception as exc:
        raise SourceError(f"{name}: {one_line(exc)}") from exc
