"""What a user touches: the `miwake` command and the Python client."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from miwake.client import AsyncClient, Client

__all__ = ["AsyncClient", "Client"]


def __getattr__(name: str) -> Any:
    """Import the client when it is asked for: the command must not wait for httpx and numpy."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from miwake import client  # noqa: PLC0415 - that is the point

    return getattr(client, name)
