"""Lock files: who holds one lives, as the system gives a lock back when its process ends, however it ends."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path
from typing import BinaryIO


def locked(path: Path) -> BinaryIO | None:
    """The open lock file, or None where another process holds it or has just removed it.

    Raises:
        OSError: it can be neither opened nor locked.
    """
    try:
        file = path.open("ab")
    except FileNotFoundError:
        return None
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        file.close()
        return None
    except OSError:
        file.close()
        raise
    if os.fstat(file.fileno()).st_nlink == 0:  # removed between the two: the next one makes another
        file.close()
        return None
    return file


def locked_if_ours(path: Path) -> BinaryIO | None:
    """As `locked`, and None too where this user may not open it.

    Raises:
        OSError: it can be neither opened nor locked, for another reason.
    """
    try:
        return locked(path)
    except PermissionError:
        return None
