"""Archives that photographs are read from, in any order and in the same time each."""

from __future__ import annotations

import tempfile
from typing import Any, Protocol

import fsspec
from fsspec.utils import infer_compression

from scoring.errors import SourceError
from scoring.sources.name_index import NameIndex
from scoring.sources.one_line import one_line
from scoring.sources.tar_archive import TarArchive
from scoring.sources.zip_archive import ZipArchive

# What one plain name ends with; the rest of fsspec's archives can be given by URL.
_SUFFIXES = {
    ".zip": "zip",
    ".tar": "tar",
    ".tar.gz": "tar",
    ".tgz": "tar",
    ".tar.bz2": "tar",
    ".tar.xz": "tar",
}
_KINDS = ("zip", "tar")
_CHUNK_BYTES = 1024 * 1024


class Archive(Protocol):
    """A zip or tar file."""

    @property
    def names(self) -> NameIndex:
        """Of its files."""

    def read(self, name: str, size: int) -> bytes:
        """At most so many of a file's first bytes; raises what `zipfile` or `tarfile` does."""

    def close(self) -> None:
        """Let go of it."""


def archive_url(source: str) -> str | None:
    """The URL of all that is in an archive given by its name alone; None where it is none."""
    for suffix, kind in _SUFFIXES.items():
        if source.lower().endswith(suffix):
            return f"{kind}://::{source}"
    return None


def is_archive(url: str) -> bool:
    """Whether a URL is of an archive's member or members: `zip://*.jpg::photographs.zip`."""
    first, chained, _ = url.partition("::")
    return bool(chained) and first.partition("://")[0] in _KINDS


def open_archive(url: str, *, to_list: bool = False) -> Archive:
    """The archive that a URL is of, whatever member it names; raises what its file's backend does.

    Args:
        url: of it.
        to_list: its names alone are wanted: what is compressed as a whole is read through once.

    Raises:
        SourceError: there is no room on the disk to unpack or index it.
    """
    first, _, inner = url.partition("::")
    if first.startswith("zip://"):
        return _opened(ZipArchive, fsspec.open(inner).open())
    compression = "gzip" if inner.lower().endswith(".tgz") else infer_compression(inner)
    packed = fsspec.open(inner, compression=compression).open()
    return _opened(TarArchive, packed if compression is None or to_list else _unpacked(packed, inner))


def _opened(kind: type[ZipArchive | TarArchive], file: Any) -> Archive:
    try:
        return kind(file)
    except BaseException:
        file.close()
        raise


def _unpacked(packed: Any, name: str) -> Any:
    """Threads read here and there, and going back in a compressed file is beginning it anew.

    The copy has no name: it is gone with the process, whatever ends it.
    """
    file = tempfile.TemporaryFile()  # noqa: SIM115 - the archive's, which closes it
    try:
        with packed:
            while chunk := packed.read(_CHUNK_BYTES):
                _write(file, chunk, name)
    except BaseException:
        file.close()
        raise
    file.seek(0)
    return file


def _write(file: Any, chunk: bytes, name: str) -> None:
    try:
        file.write(chunk)
    except OSError as exc:
        where = tempfile.gettempdir()
        raise SourceError(f"{name} cannot be unpacked in {where}: {one_line(exc)}") from exc
