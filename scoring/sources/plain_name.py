"""One way to write a name, however it was packed or asked for."""

from __future__ import annotations


def plain_name(name: str) -> str:
    """Without `./`, doubled and leading slashes."""
    return "/".join(part for part in name.split("/") if part not in {"", "."})
