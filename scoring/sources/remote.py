"""Photographs by URL: buckets, web servers, and zip and tar files, through fsspec."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import partial
from typing import Any
from urllib.parse import urljoin, urlsplit

from fsspec.core import url_to_fs

from scoring.errors import SourceError
from scoring.sources.archives import is_archive, open_archive
from scoring.sources.buckets import bucket_names, is_bucket
from scoring.sources.listed import Listed
from scoring.sources.members import members_of
from scoring.sources.one_line import one_line
from scoring.sources.plain_name import plain_name
from scoring.sources.walk import files_below, files_matching, store_folder
from scoring.sources.web_folder import is_web, web_folder
from scoring.sources.wildcards import fixed_part, has_wildcard

# `github://owner:repository@branch` has none there.
_PASSWORD = re.compile(r"(?<!github)://[^/@:\s]*:[^/@\s]+@")


def is_url(source: str) -> bool:
    """Whether fsspec reads it: `s3://…`, `zip://*.jpg::photographs.zip`; not so a plain path."""
    return "://" in source


def list_url(url: str) -> Iterator[Listed]:
    """One file, all below a folder, or what a glob matches, sorted by path.

    Hidden files are left out, as of a local folder. A web server has folders only where the URL ends with
    `/`, and tells what is in them by a page of links.

    Raises:
        SourceError: nothing is there, it cannot be listed, its protocol is not installed, or it holds a
            password, which would stand in every row.
    """
    _refuse_password(url)
    none = True
    try:
        for listed in _in_archive(url) if is_archive(url) else _elsewhere(url):
            none = False
            if not _is_hidden(listed.relative):
                yield listed
    except SourceError:
        raise
    except FileNotFoundError as exc:
        raise SourceError(f"{url}: no file there: {one_line(exc)}") from exc
    # fsspec has a backend for each protocol, and each its own exceptions: this is the border.
    except Exception as exc:
        raise SourceError(f"{url}: {one_line(exc)}") from exc
    if none:
        raise SourceError(f"{url}: no file there")


def open_url(url: str) -> tuple[Any, str]:
    """The file system of a URL and the path in it; raises whatever its backend does."""
    found: tuple[Any, str] = url_to_fs(url)
    return found


def _in_archive(url: str) -> Iterator[Listed]:
    first, _, archive = url.partition("::")
    kind, _, wanted = first.partition("://")
    opened = open_archive(url, to_list=True)
    try:
        for name, relative in members_of(opened.names, wanted):
            yield Listed(f"{kind}://{name}::{archive}", relative)
    finally:
        opened.close()


def _elsewhere(url: str) -> Iterator[Listed]:
    filesystem, root = open_url(url)
    before, after = _around(url, root)
    if is_web(filesystem) and root.endswith("/"):
        root = urljoin(f"{root.rstrip('/')}/", ".")
    start = fixed_part(root)
    if _is_file(filesystem, root, url):
        start, names = root.rpartition("/")[0], iter([root])
    else:
        names = _names(filesystem, root)
    for name in names:
        yield Listed(f"{before}{name}{after}", plain_name(name[len(start) :]))


def _around(url: str, root: str) -> tuple[str, str]:
    """What stands in a URL before and after the name that its file system knows it by."""
    first, chained, rest = url.partition("::")
    name = root.rstrip("/")
    for whole, after in ((first, f"{chained}{rest}"), (url, "")):
        plain = whole.rstrip("/")
        if name and plain.endswith(name):
            return plain.removesuffix(name), after
    parts = urlsplit(first)
    return f"{parts.scheme}://{'' if name else parts.netloc}", f"{chained}{rest}"


def _is_file(filesystem: Any, root: str, url: str) -> bool:
    """Also where a name has signs that make a glob, but for stars."""
    return bool(root) and not url.endswith("/") and "*" not in root and filesystem.isfile(root)


def _names(filesystem: Any, root: str) -> Iterator[str]:
    if is_bucket(filesystem):
        return bucket_names(filesystem, root)
    walk = files_matching if has_wildcard(root) else files_below
    return walk(partial(web_folder if is_web(filesystem) else store_folder, filesystem), root)


def _refuse_password(url: str) -> None:
    if _PASSWORD.search(url):
        raise SourceError(
            f"{_PASSWORD.sub('://…@', url)}: no password belongs into a URL, since rows and ledger show it; "
            "fsspec takes it from its configuration (FSSPEC_HTTP_…, ~/.config/fsspec)"
        )


def _is_hidden(relative: str) -> bool:
    return any(part.startswith(".") for part in relative.split("/"))
