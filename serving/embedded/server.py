"""The wiring: models, watcher and services on one gRPC server."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from tensorflow_serving.apis import model_service_pb2_grpc, prediction_service_pb2_grpc

from serving.embedded.config_file import ConfigFile
from serving.embedded.loading import load_model
from serving.embedded.model_service import ModelService
from serving.embedded.prediction_service import PredictionService
from serving.embedded.served_models import ServedModels
from serving.embedded.session_model import SessionModel
from serving.embedded.watcher import Watcher

# The names TensorFlow Serving registers, without their package.
HEALTH_SERVICES = ("", "ModelService", "PredictionService")
_GRPC_OPTIONS = (
    ("grpc.max_receive_message_length", -1),
    ("grpc.max_send_message_length", -1),
    ("grpc.so_reuseport", 0),  # else a second server on the same port starts, and gets some of the calls
)
# How long the end waits for a load in progress.
_LOAD_GRACE_SECONDS = 1.0


@dataclass(frozen=True, kw_only=True)
class Listen:
    """Where to listen: a Unix socket, or else a port of 127.0.0.1 (0: any free one)."""

    socket: Path | None = None
    port: int = 0

    @property
    def address(self) -> str:
        """As gRPC takes it."""
        return f"127.0.0.1:{self.port}" if self.socket is None else f"unix:{self.socket}"


class EmbeddedServer:
    """A model server in this process.

    Attributes:
        address: where it answers, with the real port once it has started.
        watcher: of its models.
    """

    def __init__(self, server: grpc.Server, *, listen: Listen, watcher: Watcher, health_status: Any) -> None:
        self.address = listen.address
        self.watcher = watcher
        self._server = server
        self._listen = listen
        self._health_status = health_status

    def start(self) -> None:
        """Load the versions that are there, then open the port, as TensorFlow Serving does.

        Where there is none, the port opens all the same and calls get NOT_FOUND until one appears.

        Raises:
            RuntimeError: the address cannot be listened on.
        """
        self.watcher.start()
        self.watcher.polled_once.wait()
        self.open()

    def open(self) -> None:
        """Accept calls.

        Raises:
            RuntimeError: the address cannot be listened on.
        """
        port = self._server.add_insecure_port(self._listen.address)
        if self._listen.socket is None:
            self.address = f"127.0.0.1:{port}"
        self._server.start()

    def stop(self, *, grace_seconds: float) -> bool:
        """Take no more calls, let those in flight finish within the grace, then abort them.

        Returns:
            Whether everything has ended; not so if a load goes on, which nothing can interrupt.
        """
        self._health_status.enter_graceful_shutdown()
        self._server.stop(grace_seconds).wait()
        return self.watcher.stop(timeout_seconds=_LOAD_GRACE_SECONDS)


def create_server(
    config: ConfigFile,
    listen: Listen,
    *,
    poll_seconds: float = 1.0,
    max_workers: int | None = None,
) -> EmbeddedServer:
    """Put a server together; nothing runs yet.

    Args:
        config: what it serves.
        listen: where it will answer.
        poll_seconds: how often it looks for new versions.
        max_workers: calls answered at once, others wait; None for four a core, as TensorFlow Serving has.
    """
    models: ServedModels[SessionModel] = ServedModels(load_model)
    workers = max_workers or 4 * (os.cpu_count() or 1)
    server = grpc.server(ThreadPoolExecutor(workers, thread_name_prefix="call"), options=_GRPC_OPTIONS)
    prediction_service_pb2_grpc.add_PredictionServiceServicer_to_server(PredictionService(models), server)
    model_service_pb2_grpc.add_ModelServiceServicer_to_server(ModelService(models), server)
    health_status = health.HealthServicer()
    for name in HEALTH_SERVICES:
        health_status.set(name, health_pb2.HealthCheckResponse.SERVING)
    health_pb2_grpc.add_HealthServicer_to_server(health_status, server)
    watcher = Watcher(config, models, poll_seconds=poll_seconds)
    return EmbeddedServer(server, listen=listen, watcher=watcher, health_status=health_status)
