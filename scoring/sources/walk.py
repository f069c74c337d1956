"""Files below a folder, where a store can be asked for one folder at a time."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from scoring.sources.name_index import NameIndex
from scoring.sources.wildcards import fixed_part, matching, may_hold

# What is in a folder, by whole names in any order; those of folders end with `/`.
Folder = Callable[[str], Iterable[str]]


def files_below(folder: Folder, root: str) -> Iterator[str]:
    """All files below a folder, or that match a glob, sorted by path; none where there is no such folder.

    Args:
        folder: what the store says of one.
        root: a folder or a glob.

    Raises:
        SourceError: there is no room on the disk for the names of a folder.
    """
    return filter(matching(root), _below(folder, fixed_part(root), may_hold(root)))


def store_folder(filesystem: Any, folder: str) -> Iterator[str]:
    """What fsspec says of a folder, not kept by fsspec after that."""
    for entry in filesystem.ls(folder, detail=True):
        name = entry["name"].rstrip("/")
        if name != folder.rstrip("/"):
            yield f"{name}/" if entry["type"] == "directory" else name
    filesystem.dircache.clear()


def _below(folder: Folder, name: str, wanted: Callable[[str], bool]) -> Iterator[str]:
    with contextlib.closing(NameIndex((entry, None) for entry in folder(name))) as entries:
        for entry in entries:
            if not entry.endswith("/"):
                yield entry
            elif wanted(entry):
                yield from _below(folder, entry.rstrip("/"), wanted)
