"""Reads the photographs' bytes, in parallel; what cannot be read is listed and never fatal."""

from __future__ import annotations

import hashlib
import stat
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import chain
from typing import TypeVar

from tqdm import tqdm

from contract.errors import ImageError, MiwakeError
from training.errors import DatasetError, UnreadableFileError
from training.photographs import Photograph

T = TypeVar("T")
_CHUNK = 16  # photographs a task: a task's bookkeeping takes as much memory as a small photograph


@dataclass(frozen=True, kw_only=True)
class Unreadable:
    """A file that gave no pixels: its relative path, the error's code, and why."""

    path: str
    code: str
    detail: str


def file_digests(
    photographs: Sequence[Photograph], *, progress: bool, check: Callable[[bytes], object] | None = None
) -> tuple[dict[str, str], list[Unreadable]]:
    """SHA-256 by relative path, and the files that cannot even be read.

    Args:
        photographs: whose files are read.
        progress: whether to show a progress bar.
        check: called with the content; a file of which it raises an `ImageError` counts as unreadable.
    """

    def digest(photograph: Photograph) -> str | Unreadable:
        try:
            image_bytes = read(photograph)
            if check is not None:
                check(image_bytes)
        except (UnreadableFileError, ImageError) as exc:
            return refused(photograph, exc)
        return hashlib.sha256(image_bytes).hexdigest()

    results = in_parallel(digest, photographs, description="reading", progress=progress)
    sha256 = {
        p.relative: result for p, result in zip(photographs, results, strict=True) if isinstance(result, str)
    }
    return sha256, [result for result in results if isinstance(result, Unreadable)]


def read(photograph: Photograph) -> bytes:
    """The encoded image; of regular files only, as another kind (a FIFO, say) may never end.

    Raises:
        UnreadableFileError: not a regular file, or not one that may be read.
    """
    if photograph.within is not None:
        return photograph.within.read()
    try:
        if not stat.S_ISREG(photograph.path.stat().st_mode):
            raise UnreadableFileError("not a regular file")
        return photograph.path.read_bytes()
    except OSError as exc:
        raise UnreadableFileError(f"the file cannot be read: {exc.strerror}") from exc


def read_again(photograph: Photograph) -> bytes:
    """The encoded image of what could be read a moment ago.

    Raises:
        DatasetError: no longer.
    """
    try:
        return read(photograph)
    except UnreadableFileError as exc:
        raise DatasetError(f"{photograph.relative} changed while it was read: {exc}") from exc


def without(refused: Sequence[Unreadable], photographs: Sequence[Photograph]) -> tuple[Photograph, ...]:
    """The other photographs.

    Raises:
        DatasetError: a class has no other.
    """
    paths = {entry.path for entry in refused}
    readable = tuple(p for p in photographs if p.relative not in paths)
    lost = sorted({p.label for p in photographs} - {p.label for p in readable})
    if lost:
        raise DatasetError(f"the class {lost[0]!r} has no photograph that can be read")
    return readable


def in_parallel(
    work: Callable[[Photograph], T], photographs: Sequence[Photograph], *, description: str, progress: bool
) -> list[T]:
    """The results in order, with a progress bar."""
    chunks = [photographs[start : start + _CHUNK] for start in range(0, len(photographs), _CHUNK)]
    pool = ThreadPoolExecutor()
    try:
        results = chain.from_iterable(pool.map(lambda chunk: [work(p) for p in chunk], chunks))
        return list(tqdm(results, description, len(photographs), disable=None if progress else True))
    finally:  # if the run is being ended, what has not begun need not
        pool.shutdown(cancel_futures=True)


def refused(photograph: Photograph, error: MiwakeError) -> Unreadable:
    """How a file that gave no pixels is listed."""
    return Unreadable(path=photograph.relative, code=error.code, detail=str(error))
