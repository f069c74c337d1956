"""The gateway as a process: signals, event loop, and a model server of its own where one is asked for."""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import gc
import logging
import platform
import signal
import sys
import warnings
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

import uvicorn
import uvloop
from PIL import Image
from prometheus_client import (
    CollectorRegistry,
    GCCollector,
    PlatformCollector,
    ProcessCollector,
    disable_created_metrics,
)

from modelserver.launch import Kind, running_model_server
from modelserver.model_servers import GrpcModelServers
from serving.app import create_app
from serving.bodies.http_protocol import LimitedHttpProtocol
from serving.http.admin import admin_port
from serving.http.draining import DrainingServer
from serving.model_server_tls import model_server_credentials
from serving.settings import Settings, unknown_names
from serving.telemetry.log_output import logging_to
from serving.versions.routing import Routing

_log = logging.getLogger(__name__)

_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD, _M_ARENA_MAX = -1, -3, -8  # glibc's malloc.h
# Pillow keeps a picture in blocks of 16 MB; those of ordinary pictures are smaller and best reused.
_LARGE_BLOCK_BYTES = 8 * 1024 * 1024
_KEPT_BYTES = 32 * 1024 * 1024


@dataclass(frozen=True, kw_only=True)
class StartedModelServer:
    """A model server of our own.

    Attributes:
        kind: which.
        models: what it serves: folders by name.
        models_file: what says in which versions, see `running_model_server`.
    """

    kind: Kind
    models: Mapping[str, Path]
    models_file: Path | None = None


def serve(settings: Settings, routing: Routing, *, model_server: StartedModelServer | str) -> None:
    """Serve until SIGTERM or SIGINT; requests in flight are finished first.

    Args:
        settings: the deployment's.
        routing: which models and versions answer.
        model_server: one to start on this machine, or the gRPC address of one that runs.

    Raises:
        ModelServerError: a model server to start is not installed, or has no model; TLS files are of no use.
        WatchedFileError: of keys or of a key set is missing or broken.
    """
    # A picture that Pillow merely warns of is refused like any other that is too large.
    warnings.simplefilter("error", Image.DecompressionBombWarning)
    _keep_memory_small()
    disable_created_metrics()  # type: ignore[no-untyped-call]  # a second series for every counter, which nobody asked for
    signal.signal(signal.SIGTERM, _exit)
    with (
        logging_to(sys.stderr, log_format=settings.log_format),
        asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner,
    ):
        if unknown := unknown_names():
            _log.warning("there is no setting %s", ", ".join(unknown))
        runner.run(_serve(settings, routing, model_server))


async def _serve(settings: Settings, routing: Routing, model_server: StartedModelServer | str) -> None:
    credentials = model_server_credentials(settings)
    async with _address(model_server) as address:
        _log.info("models %s from the model server at %s", ", ".join(routing.models), address)
        servers = GrpcModelServers(address, credentials=credentials)
        app = create_app(settings, servers, routing, registry=_process_registry())
        # What was imported and wired stays: looking through it for garbage would stop the loop for a tenth of
        # a second again and again.
        gc.collect()
        gc.freeze()
        config = uvicorn.Config(
            app,
            host=settings.host,
            port=settings.port,
            http=LimitedHttpProtocol,
            ws="none",
            server_header=False,
            access_log=False,  # the middleware writes it, with the request id
            log_config=None,
            timeout_graceful_shutdown=settings.shutdown_timeout_seconds,
        )
        async with admin_port(app):
            await DrainingServer(config, gateway=app.state.gateway).serve()


@contextlib.asynccontextmanager
async def _address(model_server: StartedModelServer | str) -> AsyncIterator[str]:
    if isinstance(model_server, str):
        yield model_server
        return
    started = running_model_server(
        model_server.kind, model_server.models, models_file=model_server.models_file
    )
    async with started as address:
        yield address


def _keep_memory_small() -> None:
    """Have glibc give the memory of large pictures back at once, and keep that of small ones in one place.

    Left alone it learns from the first large block to keep such blocks, and keeps what is free once for every
    thread. Before there are any: a thread keeps what it has begun with.
    """
    if platform.libc_ver()[0] == "glibc":
        libc = ctypes.CDLL(None)
        libc.mallopt(_M_ARENA_MAX, 1)
        libc.mallopt(_M_MMAP_THRESHOLD, _LARGE_BLOCK_BYTES)
        libc.mallopt(_M_TRIM_THRESHOLD, _KEPT_BYTES)


def _process_registry() -> CollectorRegistry:
    """A registry with the usual metrics of a Python process."""
    registry = CollectorRegistry()
    ProcessCollector(registry=registry)
    PlatformCollector(registry=registry)
    GCCollector(registry=registry)
    return registry


def _exit(_signal: int, _frame: FrameType | None) -> None:
    """Leave through every `finally`: uvicorn raises the signal again once it has shut down."""
    sys.exit(0)
