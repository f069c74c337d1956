"""Zip files of any number of members, whose directory is read piece by piece and never held in memory.

`zipfile` reads the members; its own directory would take about a kilobyte for each to the end. Offsets and
sizes are those of PKWARE's APPNOTE.TXT 6.3.10, sections 4.3.12 to 4.3.16 and 4.5.3.
"""

from __future__ import annotations

import struct
import zipfile
from collections.abc import Iterator
from typing import Any

from scoring.sources.name_index import NameIndex
from scoring.sources.plain_name import plain_name

_ENTRY = struct.Struct("<4s4x2H4x3L3H8xL")
_ENTRY_SIGNATURE = b"PK\x01\x02"
_END = struct.Struct("<4s8x2L2x")
_END_SIGNATURE = b"PK\x05\x06"
_END_64 = struct.Struct("<4s36x2Q")
_END_64_SIGNATURE = b"PK\x06\x06"
_PLACE_OF_END_64_BYTES = 20
_MOST_COMMENT_BYTES = 65_535
_UTF8 = 0x800
_WIDE = 0xFFFFFFFF  # the value is among the extras, where it has eight bytes
_WIDE_EXTRA = 1


class ZipArchive:
    """One zip file, for one thread at a time.

    Args:
        file: open, which can be read at any place.

    Raises:
        BadZipFile: it is none, or is damaged.
        SourceError: there is no room for its index.
    """

    def __init__(self, file: Any) -> None:
        self._file = file
        self.names = NameIndex(_entries(file))
        self._zip = _WithoutDirectory(file)

    def read(self, name: str, size: int) -> bytes:
        """At most so many of a member's first bytes.

        Raises:
            KeyError: there is none of that name.
            BadZipFile: it is damaged.
            NotImplementedError: it is compressed in a way that `zipfile` does not know.
            RuntimeError: it is encrypted.
        """
        original, *facts = self.names[plain_name(name)]
        member = zipfile.ZipInfo(original)
        (
            member.flag_bits,
            member.compress_type,
            member.CRC,
            member.compress_size,
            member.file_size,
            member.header_offset,
        ) = facts
        with self._zip.open(member) as opened:
            return opened.read(size)

    def close(self) -> None:
        """The file as well."""
        self._zip.close()
        self.names.close()
        self._file.close()


class _WithoutDirectory(zipfile.ZipFile):
    """Opens the members that it is given."""

    def _RealGetContents(self) -> None:  # noqa: N802 - zipfile's own; if it is renamed one day, memory is all that is lost
        return


def _entries(file: Any) -> Iterator[tuple[str, list[Any]]]:
    """Plain name; and original name, flags, method, CRC, compressed size, size, and where its header is."""
    at, end, before = _directory(file)
    file.seek(at)
    while at < end:
        entry = file.read(_ENTRY.size)
        if len(entry) < _ENTRY.size:
            raise zipfile.BadZipFile("the directory ends early")
        signature, flags, method, crc, compressed, size, *lengths, offset = _ENTRY.unpack(entry)
        if signature != _ENTRY_SIGNATURE:
            raise zipfile.BadZipFile("the directory is damaged")
        name_bytes, extra_bytes, _ = lengths
        rest = file.read(sum(lengths))
        at += _ENTRY.size + sum(lengths)
        if at > end:
            raise zipfile.BadZipFile("the directory is damaged")
        name = rest[:name_bytes].decode("utf-8" if flags & _UTF8 else "cp437")
        extra = rest[name_bytes : name_bytes + extra_bytes]
        size, compressed, offset = _widened((size, compressed, offset), extra)
        if not name.endswith("/"):
            yield plain_name(name), [name, flags, method, crc, compressed, size, before + offset]


def _directory(file: Any) -> tuple[int, int, int]:
    """Where the directory begins and ends, and how many foreign bytes lie before the archive."""
    file_bytes = file.seek(0, 2)
    tail_bytes = _MOST_COMMENT_BYTES + _END.size + _PLACE_OF_END_64_BYTES + _END_64.size
    file.seek(max(0, file_bytes - tail_bytes))
    tail = file.read()
    end = tail.rfind(_END_SIGNATURE)
    if end < 0 or end + _END.size > len(tail):
        raise zipfile.BadZipFile("File is not a zip file")
    _, directory_bytes, offset = _END.unpack_from(tail, end)
    wide = end - _PLACE_OF_END_64_BYTES - _END_64.size
    if wide >= 0 and tail[wide:].startswith(_END_64_SIGNATURE):
        _, directory_bytes, offset = _END_64.unpack_from(tail, wide)
        end = wide
    end += file_bytes - len(tail)
    start = end - directory_bytes
    if start < offset:
        raise zipfile.BadZipFile("the directory is not where the file says")
    return start, end, start - offset


def _widened(values: tuple[int, ...], extra: bytes) -> list[int]:
    """Size, compressed size and offset; each that does not fit into four bytes is the next of the extras'."""
    wide = iter(_wide_values(extra))
    try:
        return [next(wide) if value == _WIDE else value for value in values]
    except StopIteration:
        raise zipfile.BadZipFile("the directory lacks a size") from None


def _wide_values(extra: bytes) -> tuple[int, ...]:
    while len(extra) >= 4:  # noqa: PLR2004 - what kind of extra, and how long
        kind, length = struct.unpack_from("<2H", extra)
        if kind == _WIDE_EXTRA:
            return struct.unpack_from(f"<{min(length, len(extra) - 4) // 8}Q", extra, 4)
        extra = extra[4 + length :]
    return ()
