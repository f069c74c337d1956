"""A photograph that was found, before anything is read of it."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass


@dataclass(frozen=True)
class Listed:
    """Where a photograph lies.

    Attributes:
        path: to read it by, and to show; a local path or a URL.
        relative: the same from its source on, with '/' between folders: what a shard is chosen by, so that
            it does not matter where the source is mounted.
    """

    path: str
    relative: str


@dataclass(frozen=True)
class Shard:
    """One of `count` parts of an archive, the same on every machine and without a coordinator.

    Attributes:
        index: 0 to `count` - 1.
        count: at least 1.
    """

    index: int = 0
    count: int = 1

    def __post_init__(self) -> None:
        """Refuse what is no shard.

        Raises:
            ValueError: saying why.
        """
        if self.count < 1:
            raise ValueError(f"there are at least 1 shards, not {self.count}")
        if not 0 <= self.index < self.count:
            raise ValueError(
                f"there is no shard {self.index} of {self.count}: they are 0 to {self.count - 1}"
            )

    def holds(self, listed: Listed) -> bool:
        """Whether a photograph belongs to it: by a digest of the path, not by its place in the list."""
        digest = hashlib.sha256(listed.relative.encode("utf-8", "surrogateescape")).digest()
        return int.from_bytes(digest[:8], "big") % self.count == self.index

    def __str__(self) -> str:
        return f"{self.index}/{self.count}"
