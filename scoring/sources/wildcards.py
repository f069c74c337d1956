"""Globs of URLs: `*` and `?` within a folder, `**` through folders, `[…]`."""

from __future__ import annotations

import re

_SIGNS = re.compile(r"[*?[]")


def has_wildcard(path: str) -> bool:
    """Whether it is a glob."""
    return _SIGNS.search(path) is not None


def before_wildcard(path: str) -> str:
    """Of a glob all that stands before the first wildcard."""
    return _SIGNS.split(path, maxsplit=1)[0]


def fixed_part(path: str) -> str:
    """Of a glob the folders before the first wildcard; all of anything else."""
    return before_wildcard(path).rpartition("/")[0] if has_wildcard(path) else path
