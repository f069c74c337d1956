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

from contract.errors import ManifestError, ModelFolderError
from contract.model_folder import newest_version, read_manifest
from modelserver.errors import ModelServerStartError
from modelserver.followed_config import FollowedConfig
from modelserver.models_config import CONFIG_NAME, is_ours
from modelserver.models_file import FILE_NAME, read_models_file
from modelserver.quiet_import import ERRORS_ONLY, LOG_LEVEL
from modelserver.supervisor import Supervisor
from modelserver.tensorflow_serving_config import batching_config, models_config

TENSORFLOW_SERVING = "tensorflow_model_server"
# Of a model whose manifest does not say.
_USUAL_BATCH_SIZE = 32


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


def find_models_file(folder: Path) -> Path | None:
    """What says which models of a folder are served: its models.toml, or a models.config of its owner's."""
    models_file, config = folder / FILE_NAME, folder / CONFIG_NAME
    if models_file.exists():
        return models_file
    return config if config.exists() and not is_ours(config) else None


@contextlib.asynccontextmanager
async def running_model_server(
    kind: Kind,
    models: Mapping[str, Path],
    *,
    models_file: Path | None = None,
    errors_only: bool = False,
) -> AsyncIterator[str]:
    """A supervised model server, for as long as the block lasts.

    It listens on a Unix socket in a folder only this user can enter, so nothing else can call it.

    Args:
        kind: which one.
        models: folders `<integer>/saved_model.pb`, by the model's name; at least one.
        models_file: a models.toml, whose models are served in the versions it aliases, and followed as it
            and the versions change; or a models.config, given to the server as it is. Without one exactly
            `models` are served, in their newest two versions.
        errors_only: it says nothing else on standard error, unless TF_CPP_MIN_LOG_LEVEL is set.

    Yields:
        Its gRPC address. It may not answer yet.

    Raises:
        ModelFolderError: a model without a version.
        ModelsFileError: the models.toml cannot be read.
        ModelServerStartError: this kind is not installed.
    """
    with tempfile.TemporaryDirectory(prefix="miwake-") as run_folder:
        config = Path(run_folder) / CONFIG_NAME
        async with contextlib.AsyncExitStack() as stack:
            if models_file is not None and models_file.suffix == ".toml":
                await stack.enter_async_context(FollowedConfig(config, models_file, models))
            elif models_file is not None:
                config = models_file
            else:
                config.write_text(models_config(models), "utf-8")
            launch = plan(kind, config, Path(run_folder), max_batch_size=_largest_batch(models, models_file))
            level = {LOG_LEVEL: ERRORS_ONLY} if errors_only and LOG_LEVEL not in os.environ else {}
            await stack.enter_async_context(Supervisor(launch.command, environment=level))
            yield launch.address


def plan(kind: Kind, config: Path, run_folder: Path, *, max_batch_size: int) -> Launch:
    """Choose the command and write what else it needs into `run_folder`.

    Raises:
        ModelServerStartError: this kind is not installed.
    """
    socket = run_folder / "grpc.sock"
    program = shutil.which(TENSORFLOW_SERVING)
    if kind is Kind.LOCAL and program is None:
        raise ModelServerStartError(f"{TENSORFLOW_SERVING} is not on the PATH")
    flags = (
        f"--grpc_socket_path={socket}",
        f"--model_config_file={config.resolve()}",
        "--model_config_file_poll_wait_seconds=1",
        "--file_system_poll_wait_seconds=1",
    )
    if kind is Kind.EMBEDDED or program is None:
        return Launch((*_embedded_program(), *flags), f"unix:{socket}")
    batching = run_folder / "batching.config"
    batching.write_text(batching_config(max_batch_size, threads=os.cpu_count() or 1))
    own_flags = (
        "--port=0",
        "--enable_batching=true",
        f"--batching_parameters_file={batching}",
        # Without a thread of its own, loading a version stalls requests.
        "--num_load_threads=1",
    )
    return Launch((program, *flags, *own_flags), f"unix:{socket}")


def _embedded_program() -> tuple[str, ...]:
    if importlib.util.find_spec("tensorflow_serving") is None:
        raise ModelServerStartError(
            f"no {TENSORFLOW_SERVING} on the PATH; install it, or miwake with its extra [embedded]"
        )
    return (sys.executable, "-m", "serving.embedded")


def _largest_batch(models: Mapping[str, Path], models_file: Path | None) -> int:
    """Of any model served; TensorFlow Serving has one limit for all of them."""
    if models_file is None:
        return max(map(_batch_of, models.values()), default=_USUAL_BATCH_SIZE)
    if models_file.suffix != ".toml":
        return _USUAL_BATCH_SIZE
    entries = read_models_file(models_file).models
    sizes = [entry.sidecar.max_batch_size for entry in entries.values() if entry.sidecar]
    sizes += [
        _batch_of(models[name]) for name, entry in entries.items() if name in models and not entry.sidecar
    ]
    return max(sizes, default=_USUAL_BATCH_SIZE)


def _batch_of(folder: Path) -> int:
    _, version = newest_version(folder)
    try:
        return read_manifest(version).max_batch_size
    except (ModelFolderError, ManifestError):  # its self-test will say so, where it is not made elsewhere
        return _USUAL_BATCH_SIZE
