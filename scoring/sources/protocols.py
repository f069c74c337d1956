"""What fsspec calls a file system by."""

from __future__ import annotations

from typing import Any


def protocols_of(filesystem: Any) -> set[str]:
    """Beginnings of its URLs: `s3` and `s3a`, `http` and `https`."""
    protocol = filesystem.protocol
    return {protocol} if isinstance(protocol, str) else set(protocol)
