"""What lies on the disk for sure: files and names that a power cut leaves whole."""

from __future__ import annotations

import os
import uuid
from pathlib import Path


def sync_file(path: Path) -> None:
    """Bring content to the disk before its name: a power cut may come between."""
    with path.open("rb") as file:
        os.fsync(file.fileno())


def sync_folder(folder: Path) -> None:
    """Bring the names in a folder to the disk."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sync_tree(folder: Path) -> None:
    """Bring everything below a folder to the disk, and then the folder itself."""
    for path in sorted(folder.rglob("*"), reverse=True):
        if path.is_dir():
            sync_folder(path)
        else:
            sync_file(path)
    sync_folder(folder)


def write_atomically(path: Path, text: str) -> None:
    """Write a text file that readers see as it was or as it will be, never in between.

    A file that is there keeps its permissions.

    Raises:
        OSError: it cannot be written; what was there before still is.
    """
    aside = path.with_name(f".{path.name}-{uuid.uuid4().hex}")
    try:
        aside.write_text(text, "utf-8")
        if path.exists():
            aside.chmod(path.stat().st_mode)
        sync_file(aside)
        aside.replace(path)
    finally:
        aside.unlink(missing_ok=True)
    sync_folder(path.parent)
