"""Photographs by URL: buckets, web servers, and zip and tar files, through fsspec."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from fsspec.core import url_to_fs

from scoring.errors import SourceError
from scoring.sources.listed import Listed

# What one plain name ends with; the rest of fsspec's archives can be given by URL.
_ARCHIVES = {
    ".zip": "zip",
    ".tar": "tar",
    ".tar.gz": "tar",
    ".tgz": "tar",
    ".tar.bz2": "tar",
    ".tar.xz": "tar",
}
_PASSWORD = re.compile(r"://[^/@:\s]*:[^/@\s]+@")


def is_url(source: str) -> bool:
    """Whether fsspec reads it: `s3://…`, `zip://*.jpg::photographs.zip`; not so a plain path."""
    return "://" in source


def archive_url(source: str) -> str | None:
    """The URL of all that is in an archive given by its name alone; None where it is none."""
    for suffix, protocol in _ARCHIVES.items():
        if source.lower().endswith(suffix):
            return f"{protocol}://::{source}"
    return None


def list_url(url: str) -> Iterator[Listed]:
    """One file, all below a folder, or what a glob matches, sorted by path.

    Hidden files are left out, as of a local folder. A web server has folders only where the URL ends with
    `/`, and tells what is in them by a page of links.

    Raises:
        SourceError: nothing is there, it cannot be listed, its protocol is not installed, or it holds a
            password, which would stand in every row.
    """
    if _PASSWORD.search(url):
        raise SourceError(
            f"{_PASSWORD.sub('://…@', url)}: no password belongs into a URL, since rows and ledger show it; "
            "fsspec takes it from its configuration (FSSPEC_HTTP_…, ~/.config/fsspec)"
        )
    first, chained, rest = url.partition("::")
    protocol = first.partition("://")[0]
    tail = f"{chained}{rest}"
    try:
        filesystem, root = open_url(url)
        names = _names(filesystem, root, is_folder=url.endswith("/"))
    # fsspec has a backend for each protocol, and each its own exceptions: this is the border.
    except Exception as exc:
        raise SourceError(f"{url}: {one_line(exc)}") from exc
    if not names:
        raise SourceError(f"{url}: no file there")
    start = len(root.rpartition("/")[0] if names == [root] else _fixed_part(root))
    for name in names:
        relative = "/".join(part for part in name[start:].split("/") if part not in {"", "."})
        if not _is_hidden(relative):
            path = name if "://" in name else f"{protocol}://{name}"
            yield Listed(f"{path}{tail}", relative)


def open_url(url: str) -> tuple[Any, str]:
    """The file system of a URL and the path in it; raises whatever its backend does."""
    options = {"tar": {"compression": "gzip"}} if url.lower().endswith(".tgz") else {}
    found: tuple[Any, str] = url_to_fs(url, **options)
    return found


def _names(filesystem: Any, root: str, *, is_folder: bool) -> list[str]:
    if _has_magic(root):
        found = filesystem.glob(root, detail=True)
        return [name for name, entry in found.items() if entry["type"] == "file"]
    if root and not is_folder and filesystem.isfile(root):
        return [root]
    return list(filesystem.find(root))


def _fixed_part(root: str) -> str:
    """Of a glob the folders before the first wildcard."""
    if not _has_magic(root):
        return root
    folders = root.split("/")
    fixed = next(n for n, folder in enumerate(folders) if _has_magic(folder))
    return "/".join(folders[:fixed])


def _has_magic(path: str) -> bool:
    return any(sign in path for sign in "*?[")


def _is_hidden(relative: str) -> bool:
    return any(part.startswith(".") for part in relative.split("/"))


def one_line(exc: Exception) -> str:
    """What a foreign exception says, on one line; what in it is no UTF-8 is written as Python would."""
    text = str(getattr(exc, "strerror", None) or exc) or type(exc).__name__
    return " ".join(text.encode("utf-8", "backslashreplace").decode().split())
