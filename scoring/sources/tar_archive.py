"""Tar files of any number of members, whose headers are read once and never held in memory."""

from __future__ import annotations

import posixpath
import tarfile
from collections.abc import Iterator
from typing import Any

from scoring.sources.name_index import NameIndex
from scoring.sources.plain_name import plain_name

_MOST_LINKS = 20


class TarArchive:
    """One tar file, not compressed, for one thread at a time.

    Args:
        file: open, which can be read from its start and, if members are, at any place.

    Raises:
        TarError: it is none, or is damaged.
        SourceError: there is no room for its index.
    """

    def __init__(self, file: Any) -> None:
        self._file = file
        self.names = NameIndex(_entries(file))

    def read(self, name: str, size: int) -> bytes:
        """At most so many of a member's first bytes.

        Raises:
            FileNotFoundError: there is none of that name, or where its link leads.
        """
        wanted = plain_name(name)
        for _ in range(_MOST_LINKS):
            start, member_bytes, link = self._facts(wanted)
            if link is None:
                self._file.seek(start)
                data: bytes = self._file.read(min(size, member_bytes))
                return data
            wanted = link
        raise FileNotFoundError(f"{name} is a link in a circle")

    def close(self) -> None:
        """The file as well."""
        self.names.close()
        self._file.close()

    def _facts(self, name: str) -> tuple[int, int, str | None]:
        try:
            start, member_bytes, link = self.names[name]
        except KeyError:
            raise FileNotFoundError(f"no file {name} in the archive") from None
        return start, member_bytes, link


def _entries(file: Any) -> Iterator[tuple[str, list[Any]]]:
    """Plain name; and where its bytes begin, how many there are, and the name that a link leads to."""
    with tarfile.TarFile(fileobj=file) as archive:
        while (member := archive.next()) is not None:
            archive.members.clear()  # type: ignore[attr-defined]  # it would keep them all
            if member.isreg() or member.islnk() or member.issym():
                facts = [member.offset_data, member.size, _target(member)]
                yield plain_name(member.name), facts


def _target(member: tarfile.TarInfo) -> str | None:
    """Of a link: from its own folder where it is a symbolic one, else from the archive's start."""
    if member.isreg():
        return None
    start = posixpath.dirname(member.name) if member.issym() else ""
    return plain_name(posixpath.normpath(posixpath.join(start, member.linkname)))
