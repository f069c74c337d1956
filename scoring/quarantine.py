"""A folder of the photographs that were refused, for somebody to look at."""

from __future__ import annotations

import os
import uuid
from pathlib import Path, PurePosixPath

from contract.errors import ImageError
from scoring.errors import OutputError

_NAME_BYTES = 100


class Quarantine:
    """Copies of refused files, `DIR/<code>/<first 16 digits of the SHA-256>-<name>`: the same on every try.

    Args:
        folder: made where it is not there.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def keep(self, path: str, sha256: str, image_bytes: bytes, refusal: ImageError) -> None:
        """Put a copy there.

        Raises:
            OutputError: it cannot be written.
        """
        name = os.fsencode(PurePosixPath(path.partition("::")[0]).name)[-_NAME_BYTES:]
        target = self._folder / refusal.code / f"{sha256[:16]}-{os.fsdecode(name)}"
        # A name of its own: another thread may keep the same photograph.
        aside = target.with_name(f".{uuid.uuid4().hex}")
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            try:
                aside.write_bytes(image_bytes)
                aside.replace(target)
            finally:
                aside.unlink(missing_ok=True)
        except OSError as exc:
            raise OutputError(f"{target}: {exc.strerror}") from exc
