"""What a SOURCE stands for."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from scoring.sources.archives import archive_url
from scoring.sources.listed import Listed
from scoring.sources.lists import MARK, list_paths
from scoring.sources.local import as_local, list_local
from scoring.sources.remote import is_url, list_url

_CHAIN = "::"  # of fsspec: the URL says itself what to make of an archive


def list_source(source: str) -> Iterator[Listed]:
    """The photographs of a file, a folder, a glob, an archive, a URL, or an `@list`.

    Raises:
        SourceError: saying which source, and why nothing can be listed there.
    """
    if source.startswith(MARK):
        return list_paths(source)
    source = as_local(source)
    if is_url(source):
        archive = None if _CHAIN in source else archive_url(source)
        return list_url(archive or source)
    archive = archive_url(source) if Path(source).is_file() else None
    return list_local(source) if archive is None else list_url(archive)
