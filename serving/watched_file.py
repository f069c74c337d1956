"""A small file that others change while the gateway runs: keys, a key set."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from pathlib import Path
from typing import Generic, TypeVar

from contract.errors import MiwakeError

_log = logging.getLogger(__name__)

POLL_SECONDS = 1.0

Content = TypeVar("Content")
FileState = tuple[int, int, int, int]


class WatchedFileError(MiwakeError):
    """The file cannot be read, or does not say what it should."""


class WatchedFile(Generic[Content]):
    """The content of a file as of at most a second ago; of a broken or missing one the last that was good.

    Looked at when asked for, by its inode, size and times: an atomic replacement shows, and so do the
    swapped link of a ConfigMap and a change of who may read it. A file written in place may be seen
    half-written for that second.
    """

    def __init__(
        self, path: Path, parse: Callable[[bytes], Content], *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """Read it for the first time.

        Args:
            path: where it lies.
            parse: raises ValueError, whose text is one line and fit for a log.
            clock: in seconds.

        Raises:
            WatchedFileError: it is missing or broken.
        """
        self._path = path
        self._parse = parse
        self._clock = clock
        self._seen = file_state(path)
        self._next_look = clock() + POLL_SECONDS
        self._content = self._read()
        self._complained = ""

    def current(self) -> Content:
        """Its content."""
        now = self._clock()
        if now >= self._next_look:
            self._next_look = now + POLL_SECONDS
            self._look()
        return self._content

    def _look(self) -> None:
        seen = file_state(self._path)
        if seen == self._seen:
            return
        try:
            self._content = self._read()
        except WatchedFileError as exc:
            self._complain(str(exc))
        # A fault of ours in reading one file must not refuse everybody.
        except Exception as exc:  # noqa: BLE001
            self._complain(f"{self._path}: unexpected {type(exc).__name__}")
        else:
            # Only now: what could not be read is tried again.
            self._seen, self._complained = seen, ""
            _log.info("%s has changed and was read again", self._path)

    def _complain(self, text: str) -> None:
        """Once for each thing that is wrong, not every second."""
        if text != self._complained:
            _log.error("%s; what it said before stays in force", text)
        self._complained = text

    def _read(self) -> Content:
        try:
            return self._parse(self._path.read_bytes())
        except OSError as exc:
            raise WatchedFileError(f"{self._path}: {exc.strerror}") from exc
        except ValueError as exc:
            raise WatchedFileError(f"{self._path}: {exc}") from exc


def file_state(path: Path) -> FileState | None:
    """What changes when the file does; None where there is none."""
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns
