"""Globs: `*` and `?` within a folder, `**` through folders, `[…]`.

In a web server's URL `?` begins the query, a host may stand in brackets, and a name may be written with or
without its `%20`.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from fnmatch import fnmatchcase
from urllib.parse import unquote

from fsspec.utils import glob_translate

from scoring.errors import SourceError

_WEB_HOST = re.compile(r"https?://[^/]*")
_SIGNS = re.compile(r"[*?[]")
_WEB_SIGNS = re.compile(r"[*[]")


def has_wildcard(path: str) -> bool:
    """Whether it is a glob."""
    return before_wildcard(path) != path


def before_wildcard(path: str) -> str:
    """Of a glob all that stands before the first wildcard; all of anything else."""
    host = _WEB_HOST.match(path)
    sign = _WEB_SIGNS.search(path, host.end(), _end_of_path(path)) if host else _SIGNS.search(path)
    return path[: sign.start()] if sign else path


def fixed_part(path: str) -> str:
    """Of a glob the folders before the first wildcard; all of anything else."""
    before = before_wildcard(path)
    if before == path:
        return path
    folders, slash, _ = before.rpartition("/")
    return folders or slash


def matching(glob: str) -> Callable[[str], bool]:
    """Whether a name below the fixed part of a glob matches it.

    Raises:
        SourceError: the glob is not written as one.
    """
    start, wanted = _moving_part(glob)
    try:
        matches = re.compile(glob_translate(wanted)).match
    except ValueError as exc:  # `a**`
        raise SourceError(f"{glob}: {exc}") from exc
    written = _ways_to_write(glob)
    return lambda name: any(matches(way) for way in written(name[start:]))


def may_hold(glob: str) -> Callable[[str], bool]:
    """Whether a folder below the fixed part of a glob can hold, or lead to, what matches it."""
    start, wanted = _moving_part(glob)
    parts, written = wanted.split("/"), _ways_to_write(glob)
    return lambda folder: any(_leads_to(parts, way.strip("/").split("/")) for way in written(folder[start:]))


def _leads_to(parts: list[str], folders: list[str]) -> bool:
    for name, part in zip(folders, parts, strict=False):
        if part == "**":
            return True
        if not fnmatchcase(name, part):
            return False
    return len(folders) < len(parts)


def _moving_part(glob: str) -> tuple[int, str]:
    """Where what follows the fixed part begins, and that itself."""
    fixed = fixed_part(glob)
    start = len(fixed) + (glob[len(fixed)] == "/")
    return start, glob[start : _end_of_path(glob)]


def _end_of_path(path: str) -> int:
    return len(path.partition("?")[0] if _WEB_HOST.match(path) else path)


def _ways_to_write(path: str) -> Callable[[str], tuple[str, ...]]:
    return _web_ways if _WEB_HOST.match(path) else _one_way


def _web_ways(name: str) -> tuple[str, ...]:
    path = name.partition("?")[0]
    return path, unquote(path)


def _one_way(name: str) -> tuple[str, ...]:
    return (name,)
