"""Globs of URLs: `*` and `?` within a folder, `**` through folders, `[…]`.

In a web server's URL `?` begins the query, and a host may stand in brackets.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from fnmatch import fnmatchcase

from fsspec.utils import glob_translate

_WEB_HOST = re.compile(r"https?://[^/]*")
_SIGNS = re.compile(r"[*?[]")
_WEB_SIGNS = re.compile(r"[*[]")


def has_wildcard(path: str) -> bool:
    """Whether it is a glob."""
    return before_wildcard(path) != path


def before_wildcard(path: str) -> str:
    """Of a glob all that stands before the first wildcard; all of anything else."""
    host = _WEB_HOST.match(path)
    sign = _WEB_SIGNS.search(path, host.end()) if host else _SIGNS.search(path)
    return path[: sign.start()] if sign else path


def fixed_part(path: str) -> str:
    """Of a glob the folders before the first wildcard; all of anything else."""
    return before_wildcard(path).rpartition("/")[0] if has_wildcard(path) else path


def matching(path: str) -> Callable[[str], bool]:
    """Whether a name below the fixed part of a path matches it; all of them, if it is no glob."""
    wanted = _moving_part(path)
    if not wanted:
        return _always
    start = len(path) - len(wanted)
    matches = re.compile(glob_translate(wanted)).match
    return lambda name: matches(name, start) is not None


def may_hold(path: str) -> Callable[[str], bool]:
    """Whether a folder below the fixed part of a path can hold, or lead to, what matches it."""
    wanted = _moving_part(path)
    start, parts = len(path) - len(wanted), wanted.split("/")

    def may(folder: str) -> bool:
        found = folder[start:].strip("/").split("/")
        for name, part in zip(found, parts, strict=False):
            if part == "**":
                return True
            if not fnmatchcase(name, part):
                return False
        return len(found) < len(parts)

    return may if wanted else _always


def _moving_part(path: str) -> str:
    """Of a glob what follows the fixed part."""
    return path[len(fixed_part(path)) :].removeprefix("/")


def _always(_name: str) -> bool:
    return True
