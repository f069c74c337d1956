"""The gRPC port, open for as long as the gateway answers."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator

import grpc.aio

from serving.gateway import Gateway
from serving.grpc.call import Calls
from serving.grpc.errors import PortTakenError
from serving.grpc.health import HealthService
from serving.grpc.places import HEALTH_CALLS
from serving.grpc.service import InferenceService
from serving.telemetry.spans import Tracer

_log = logging.getLogger(__name__)
# Beside the one large field of a message.
_ROOM_FOR_FIELDS = 64 * 1024
_MAX_METADATA_BYTES = 16 * 1024
_UNREAD_BYTES = 256 * 1024
# Calls that are told that there are too many are open for a moment, too.
_BEING_REFUSED = 256


@contextlib.asynccontextmanager
async def grpc_port(gateway: Gateway, *, tracer: Tracer) -> AsyncIterator[None]:
    """Answer on the gRPC port for as long as the block lasts, if one is set.

    Calls under way at the end, or when the gateway takes no more connections, are finished first, in the time
    that HTTP's have for it.

    Raises:
        PortTakenError: it cannot be had.
    """
    settings = gateway.settings
    if settings.grpc_port is None:
        yield
        return
    server = _server(gateway, tracer)
    _listen(server, _address(settings.host, settings.grpc_port))
    await server.start()
    ending = asyncio.create_task(_end(server, gateway))
    try:
        yield
    finally:
        gateway.closing.set()
        await ending


async def _end(server: grpc.aio.Server, gateway: Gateway) -> None:
    await gateway.closing.wait()
    await server.stop(gateway.settings.shutdown_timeout_seconds)


def _server(gateway: Gateway, tracer: Tracer) -> grpc.aio.Server:
    server = grpc.aio.server(
        maximum_concurrent_rpcs=gateway.settings.grpc_max_calls + HEALTH_CALLS + _BEING_REFUSED,
        options=(
            ("grpc.max_receive_message_length", gateway.settings.max_body_bytes + _ROOM_FOR_FIELDS),
            ("grpc.max_send_message_length", -1),
            ("grpc.max_metadata_size", _MAX_METADATA_BYTES),
            # What arrives of messages that wait for their turn: gRPC would let it grow to megabytes a call.
            ("grpc.http2.bdp_probe", 0),
            ("grpc.http2.lookahead_bytes", _UNREAD_BYTES),
            (
                "grpc.so_reuseport",
                0,
            ),  # else a second gateway on the same port starts, and gets some of the calls
        ),
    )
    calls = Calls(gateway, tracer=tracer)
    handlers = (InferenceService(gateway).handlers(calls), HealthService(gateway).handlers(calls))
    server.add_generic_rpc_handlers(handlers)
    return server


def _address(host: str, port: int) -> str:
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _listen(server: grpc.aio.Server, address: str) -> None:
    try:
        port = server.add_insecure_port(address)
    except RuntimeError as exc:
        raise PortTakenError(f"the gRPC port {address} cannot be had") from exc
    _log.info("gRPC on port %d", port)
