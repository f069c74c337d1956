"""A gateway on a real port, in a thread of the test's process, over a scripted model server."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Iterator
from typing import Any

import uvicorn
from prometheus_client import CollectorRegistry

from modelserver.models_file import ModelsFile
from modelserver.protocol import ModelServer
from serving.app import create_app
from serving.bodies.http_protocol import LimitedHttpProtocol
from serving.versions.routing import Routing
from tests.serving.gateway_client import AtAddresses, settings


@contextlib.contextmanager
def gateway_at_port(
    model_server: ModelServer, *, models: ModelsFile | tuple[str, ...] = ("toy",), **changes: Any
) -> Iterator[str]:
    """Its URL, once it listens."""
    routing = Routing(models if isinstance(models, ModelsFile) else ModelsFile.of(models))
    app = create_app(
        settings(**changes), AtAddresses(only=model_server), routing, registry=CollectorRegistry()
    )
    config = uvicorn.Config(
        app, host="127.0.0.1", port=0, http=LimitedHttpProtocol, ws="none", log_config=None, access_log=False
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        while not server.started:
            assert thread.is_alive()
            time.sleep(0.01)
        yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join()
