"""Starting a model server on this machine: which command, and at which address it answers."""

from __future__ import annotations

import contextlib
import importlib.util
import os
import shutil
import sys
import tempfile
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from contract.model_folder import newest_version, read_manifest
from modelserver.errors import ModelServerStartError
from modelserver.supervisor import Supervisor
from modelserver.tensorflow_serving_config import VERSIONS_KEPT, batching_config, models_config

TENSORFLOW_SERVING = "tensorflow_model_server"


class Kind(StrEnum):
    """Which model server to start."""

    AUTO = "auto"  # TensorFlow Serving where it is installed, else the embedded one
    LOCAL = "local"  # TensorFlow Serving
    EMBEDDED = "embedded"


@dataclass(frozen=True)
class Launch:
    """A command and the gRPC address it will answer at."""

    command: tuple[str, ...]
    address: str


@contextlib.asynccontextmanager
async def running_model_server(kind: Kind, models: Mapping[str, Path]) -> AsyncIterator[str]:
    """A supervised model server, for as long as the block lasts.

    It listens on a Unix socket in a folder only this user can enter, so nothing else can call it.

    Args:
        kind: which one.
        models: folders `<integer>/saved_model.pb`, by the model's name; at least one.

    Yields:
        Its gRPC address. It may not answer yet.

    Raises:
        ModelFolderError: a model without a version.
        ModelServerStartError: this kind is not installed.
    """
    with tempfile.TemporaryDirectory(prefix="miwake-") as run_folder:
        launch = plan(kind, models, Path(run_folder))
        async with Supervisor(launch.command):
            yield launch.address


def plan(kind: Kind, models: Mapping[str, Path], run_folder: Path) -> Launch:
    """Choose the command and write the files it needs into `run_folder`.

    Raises:
        ModelFolderError: a model without a version.
        ModelServerStartError: this kind is not installed.
    """
    socket = run_folder / "grpc.sock"
    program = shutil.which(TENSORFLOW_SERVING)
    if kind is Kind.LOCAL and program is None:
        raise ModelServerStartError(f"{TENSORFLOW_SERVING} is not on the PATH")
    if kind is Kind.EMBEDDED or program is None:
        return _embedded(models, socket)
    return _local(program, models, socket, run_folder=run_folder)


def _embedded(models: Mapping[str, Path], socket: Path) -> Launch:
    if importlib.util.find_spec("tensorflow_serving") is None:
        raise ModelServerStartError(
            f"no {TENSORFLOW_SERVING} on the PATH; install it, or miwake with its extra [embedded]"
        )
    command = (
        *(sys.executable, "-m", "serving.embedded"),
        *(f"--model={name}={folder.resolve()}" for name, folder in models.items()),
        *("--socket", str(socket)),
        *("--versions", str(VERSIONS_KEPT)),
    )
    return Launch(command, f"unix:{socket}")


def _local(program: str, models: Mapping[str, Path], socket: Path, *, run_folder: Path) -> Launch:
    largest = max(read_manifest(newest_version(folder)[1]).max_batch_size for folder in models.values())
    models_file, batching_file = run_folder / "models.config", run_folder / "batching.config"
    models_file.write_text(models_config(models))
    batching_file.write_text(batching_config(largest, threads=os.cpu_count() or 1))
    command = (
        program,
        "--port=0",
        f"--grpc_socket_path={socket}",
        f"--model_config_file={models_file}",
        "--enable_batching=true",
        f"--batching_parameters_file={batching_file}",
        "--file_system_poll_wait_seconds=1",
        # Without a thread of its own, loading a version stalls requests.
        "--num_load_threads=1",
    )
    return Launch(command, f"unix:{socket}")
