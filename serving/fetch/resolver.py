"""Names to addresses, in threads of its own: the system's resolver cannot be interrupted."""

from __future__ import annotations

import asyncio
import ipaddress
import socket
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor

from serving.fetch.addresses import IPAddress

# Takes a host name or an address in any form the system reads, gives at least one address or raises OSError.
Resolve = Callable[[str], Awaitable[list[IPAddress]]]

_THREADS = 8


class SystemResolver:
    """What the machine's own configuration says of a name.

    A name server that does not answer keeps a thread for as long as the system tries, whatever the request
    does meanwhile; other work of the gateway must not wait behind it.
    """

    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="resolve")

    async def __call__(self, host: str) -> list[IPAddress]:
        """All addresses of a name, in the system's order.

        Raises:
            OSError: it has none.
        """
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._threads, _addresses, host)

    def close(self) -> None:
        """Take no more names; does not wait for those under way."""
        self._threads.shutdown(wait=False, cancel_futures=True)


def _addresses(host: str) -> list[IPAddress]:
    found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    texts = dict.fromkeys(str(address[0]) for *_, address in found)
    return [ipaddress.ip_address(text) for text in texts]
