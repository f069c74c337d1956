"""Reads the photographs' bytes, in parallel; what cannot be read is listed and never fatal."""

from __future__ import annotations

import hashlib
import stat
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TypeVar

from tqdm import tqdm

from contract.errors import MiwakeError
from training.errors import UnreadableFileError
from training.photographs import Photograph

T = TypeVar("T")


@dataclass(frozen=True, kw_only=True)
class Unreadable:
    """A file that gave no pixels: its relative path, the error's code, and why."""

    path: str
    code: str
    detail: str


def file_digests(
    photographs: Sequence[Photograph], *, progress: bool
) -> tuple[dict[str, str], list[Unreadable]]:
    """SHA-256 by relative path, and the files that cannot even be read."""

    def digest(photograph: Photograph) -> str | Unreadable:
        try:
            return hashlib.sha256(read(photograph)).hexdigest()
        except UnreadableFileError as exc:
            return refused(photograph, exc)

    results = in_parallel(digest, photographs, description="reading", progress=progress)
    sha256 = {
        p.relative: result for p, result in zip(photographs, results, strict=True) if isinstance(result, str)
    }
    return sha256, [result for result in results if isinstance(result, Unreadable)]


def read(photograph: Photograph) -> bytes:
    """The content; of regular files only, as another kind (a FIFO, say) may never end.

    Raises:
        UnreadableFileError: not a regular file, or not one that may be read.
    """
    try:
        if not stat.S_ISREG(photograph.path.stat().st_mode):
            raise UnreadableFileError("not a regular file")
        return photograph.path.read_bytes()
    except OSError as exc:
        raise UnreadableFileError(f"the file cannot be read: {exc.strerror}") from exc


def in_parallel(
    work: Callable[[Photograph], T], photographs: Sequence[Photograph], *, description: str, progress: bool
) -> list[T]:
    """The results in order, with a progress bar."""
    pool = ThreadPoolExecutor()
    try:
        results = pool.map(work, photographs)
        return list(tqdm(results, description, len(photographs), disable=None if progress else True))
    finally:  # if the run is being ended, what has not begun need not
        pool.shutdown(cancel_futures=True)


def refused(photograph: Photograph, error: MiwakeError) -> Unreadable:
    """How a file that gave no pixels is listed."""
    return Unreadable(path=photograph.relative, code=error.code, detail=str(error))
