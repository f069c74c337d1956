"""From a path or URL to the bytes of one photograph, bounded before they are read."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Self

from scoring.errors import ImageTooLargeError, ScoringError, UnreadableImageError
from scoring.sources.archives import Archive, is_archive, open_archive
from scoring.sources.buckets import is_bucket, read_object
from scoring.sources.local import as_local
from scoring.sources.one_line import one_line
from scoring.sources.remote import is_url, open_url

# A bucket's or a network's bad moment must not become a row.
_PAUSES_SECONDS = (0.5, 1.0, 2.0)
# Another try will not bring these.
_FINAL = (FileNotFoundError, PermissionError, IsADirectoryError, KeyError)


class Reader:
    """Reads photographs from any thread, within its block, at whose end it closes the archives.

    Each archive is opened once, and read by one thread at a time.

    Args:
        max_bytes: of one photograph.
        sleep: between two tries over a network.
    """

    def __init__(self, *, max_bytes: int, sleep: Callable[[float], object] = time.sleep) -> None:
        self._max_bytes = max_bytes
        self._sleep = sleep
        self._archives: dict[str, Archive] = {}
        self._archives_lock = threading.Lock()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        while self._archives:
            self._archives.popitem()[1].close()

    def read(self, photograph: str | bytes) -> bytes:
        """All bytes of a photograph, by its path or as they are given.

        Raises:
            UnreadableImageError: it is gone, forbidden, or the network gave up.
            ImageTooLargeError: it has more than `max_bytes`.
            SourceError: there is no room to unpack an archive.
        """
        data = photograph if isinstance(photograph, bytes) else self._read(photograph)
        if len(data) > self._max_bytes:
            raise ImageTooLargeError(f"the photograph has more than {self._max_bytes} bytes")
        return data

    def _read(self, path: str) -> bytes:
        path = as_local(path)
        if not is_url(path):
            return self._read_file(path)
        in_archive = is_archive(path)
        read = self._read_member if in_archive else self._read_url
        # An archive on this machine has no bad moments.
        pauses = iter(() if in_archive and not is_url(path.partition("::")[2]) else _PAUSES_SECONDS)
        while True:
            try:
                return read(path)
            except ScoringError:
                raise
            # Each of fsspec's backends has exceptions of its own, and so has a damaged archive: this is the
            # border.
            except Exception as exc:
                pause = None if isinstance(exc, _FINAL) else next(pauses, None)
                if pause is None:
                    raise UnreadableImageError(f"the file cannot be read: {one_line(exc)}") from exc
                self._sleep(pause)

    def _read_file(self, path: str) -> bytes:
        try:
            if Path(path).is_fifo():  # whoever opens one waits for a writer, perhaps for ever
                raise UnreadableImageError("the file cannot be read: it is a pipe")
            with Path(path).open("rb") as file:
                # Asked for no more than there is: a buffer of the limit's size costs more than the reading.
                size = os.fstat(file.fileno()).st_size
                data = file.read(min(size, self._max_bytes) + 1)
                # Of a file that grew, or whose size no system tells.
                return data if len(data) <= size else data + file.read(self._max_bytes + 1 - len(data))
        except (OSError, ValueError) as exc:  # ValueError: no path holds such characters
            raise UnreadableImageError(f"the file cannot be read: {one_line(exc)}") from exc

    def _read_url(self, url: str) -> bytes:
        filesystem, name = open_url(url)
        if is_bucket(filesystem):
            return read_object(filesystem, name, self._max_bytes + 1)
        with filesystem.open(name, "rb") as file:
            data: bytes = file.read(self._max_bytes + 1)
        return data

    def _read_member(self, url: str) -> bytes:
        first, _, archive = url.partition("::")
        kind, _, name = first.partition("://")
        whole = f"{kind}://::{archive}"
        # Neither can be read by two threads.
        with self._archives_lock:
            if whole not in self._archives:
                self._archives[whole] = open_archive(whole)
            return self._archives[whole].read(name, self._max_bytes + 1)
