"""The model servers behind one name: where they are now, and how to connect to one of them."""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import Sequence
from typing import Protocol

from modelserver.errors import ModelServerAwayError
from modelserver.grpc_adapter import GrpcModelServer
from modelserver.grpc_credentials import Credentials
from modelserver.protocol import ModelServer

_log = logging.getLogger(__name__)


class ModelServers(Protocol):
    """Interchangeable model servers; they come and go."""

    async def addresses(self) -> Sequence[str]:
        """Where they are at this moment.

        Raises:
            ModelServerAwayError: nobody knows; the text names no place, the log does.
        """

    def connect(self, address: str) -> ModelServer:
        """A connection to one of them, to be closed by the caller. Inside the running event loop."""


class GrpcModelServers:
    """Model servers by name, `HOST:PORT` or several with commas between; a name may stand for many addresses.

    gRPC itself looks a name up again only when a connection breaks, so a pod that scaling adds behind a
    headless Service would get nothing (grpc#12295): here every look is a new one.
    """

    def __init__(self, names: str, *, credentials: Credentials | None = None) -> None:
        self._names = tuple(filter(None, map(str.strip, names.split(","))))
        self._credentials = credentials

    async def addresses(self) -> Sequence[str]:
        """See `ModelServers.addresses`; sorted, each once."""
        found = [address for name in self._names for address in await _look_up(name)]
        return sorted(set(found))

    def connect(self, address: str) -> ModelServer:
        """See `ModelServers.connect`."""
        return GrpcModelServer(address, credentials=self._credentials)


async def _look_up(name: str) -> list[str]:
    if name.startswith("unix:"):
        return [name]
    host, _, port = name.rpartition(":")
    try:
        found = await asyncio.get_running_loop().getaddrinfo(
            host.strip("[]"), int(port), type=socket.SOCK_STREAM
        )
    except (OSError, ValueError) as exc:
        _log.warning("the model server's address %s cannot be looked up: %s", name, exc)
        raise ModelServerAwayError("the model server's address cannot be looked up") from exc
    hosts = [str(address[0]) for *_, address in found]
    # Of a host with addresses of both kinds one is enough: it is one model server.
    v4 = [f"{host}:{port}" for host in hosts if ":" not in host]
    return v4 or [f"[{host}]:{port}" for host in hosts]
