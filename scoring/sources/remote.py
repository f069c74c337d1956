"""Photographs by URL: buckets, web servers, and zip and tar files, through fsspec."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import partial
from typing import Any

from fsspec.core import url_to_fs

from scoring.errors import SourceError
from scoring.sources.archives import is_archive, open_archive
from scoring.sources.buckets import bucket_names, is_bucket
from scoring.sources.listed import Listed
from scoring.sources.members import members_of
from scoring.sources.one_line import one_line
from scoring.sources.plain_name import plain_name
from scoring.sources.walk import files_below, store_folder
from scoring.sources.web_folder import is_web, web_folder
from scoring.sources.wildcards import fixed_part

_PASSWORD = re.compile(r"://[^/@:\s]*:[^/@\s]+@")


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
    first, chained, rest = url.partition("::")
    protocol = first.partition("://")[0]
    filesystem, root = open_url(url)
    start = fixed_part(root)
    if root and root == start and not url.endswith("/") and filesystem.isfile(root):
        start, names = root.rpartition("/")[0], iter([root])
    else:
        names = _names(filesystem, root)
    for name in names:
        path = name if is_url(name) else f"{protocol}://{name}"
        yield Listed(f"{path}{chained}{rest}", plain_name(name[len(start) :]))


def _names(filesystem: Any, root: str) -> Iterator[str]:
    if is_bucket(filesystem):
        return bucket_names(filesystem, root)
    return files_below(partial(web_folder if is_web(filesystem) else store_folder, filesystem), root)


def _refuse_password(url: str) -> None:
    if _PASSWORD.search(url):
        raise SourceError(
            f"{_PASSWORD.sub('://…@', url)}: no password belongs into a URL, since rows and ledger show it; "
            "fsspec takes it from its configuration (FSSPEC_HTTP_…, ~/.config/fsspec)"
        )


def _is_hidden(relative: str) -> bool:
    return any(part.startswith(".") for part in relative.split("/"))
