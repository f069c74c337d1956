"""Archives that photographs are read from, in any order and in the same time each."""

from __future__ import annotations

import tarfile
import tempfile
from typing import Any, Protocol

import fsspec
from fsspec.utils import infer_compression

from scoring.errors import SourceError
from scoring.sources.remote import one_line, open_url

_TAR = "tar://"
_CHUNK_BYTES = 1024 * 1024


class Archive(Protocol):
    """As much of fsspec's file systems as reading needs."""

    def open(self, name: str, mode: str) -> Any:
        """A file to read."""

    def close(self) -> None:
        """Let go of the archive."""


def open_archive(url: str) -> Archive:
    """The archive of a URL without a member's name, `zip://::photographs.zip`; raises what its backend does.

    Raises:
        SourceError: there is no room on the disk to unpack it.
    """
    if not url.startswith(_TAR):
        return _OfFsspec(open_url(url)[0])
    inner = url.partition("::")[2]
    compression = "gzip" if inner.lower().endswith(".tgz") else infer_compression(inner)
    packed = fsspec.open(inner, compression=compression).open()
    return _Tar(packed if compression is None else _unpacked(packed, inner))


class _OfFsspec:
    """Not all have a `close`; they close what they opened when nobody holds them any more."""

    def __init__(self, filesystem: Any) -> None:
        self._filesystem = filesystem

    def open(self, name: str, mode: str) -> Any:
        return self._filesystem.open(name, mode)

    def close(self) -> None:
        self._filesystem = None


class _Tar:
    """fsspec's own looks through all members for each that it opens, and tar keeps no list of them."""

    def __init__(self, file: Any) -> None:
        self._file = file
        self._tar = tarfile.TarFile(fileobj=file)
        self._members = {_plain(member.name): member for member in self._tar}

    def open(self, name: str, mode: str) -> Any:
        del mode
        found = self._members.get(_plain(name))
        file = None if found is None else self._tar.extractfile(found)
        if file is None:
            raise FileNotFoundError(f"no file {name} in the archive")
        return file

    def close(self) -> None:
        self._tar.close()
        self._file.close()


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


def _plain(name: str) -> str:
    return "/".join(part for part in name.split("/") if part not in {"", "."})
