"""A model server started for one version alone, which has passed its self-test and ends with the work."""

from __future__ import annotations

import asyncio
import contextlib
import tempfile
import time
from collections.abc import AsyncIterator
from pathlib import Path

from contract.errors import ContractBrokenError
from contract.model_folder import pinned_version
from contract.sidecar import Sidecar
from modelserver.errors import ModelServerError, ModelServerStartError
from modelserver.grpc_adapter import GrpcModelServer
from modelserver.launch import Kind, running_model_server
from modelserver.models_file import sidecar_of
from modelserver.predict import ModelVersion
from modelserver.protocol import ModelServer, VersionState
from modelserver.self_test import self_test

START_TIMEOUT_SECONDS = 120.0
CALL_TIMEOUT_SECONDS = 60.0
_POLL_SECONDS = 0.2


@contextlib.asynccontextmanager
async def one_version(
    model: Path, *, preferred: int | None = None, kind: Kind = Kind.AUTO
) -> AsyncIterator[tuple[ModelServer, ModelVersion]]:
    """Load a version and test it.

    Args:
        model: a model's folder or one of its versions' folders.
        preferred: the version of a model's folder, where it is there; else the newest.
        kind: of model server.

    Yields:
        The server and what it serves. It sees this version alone, so none published meanwhile can answer.

    Raises:
        ModelFolderError: no version there.
        ModelsFileError: the models.toml beside the model cannot be read.
        ContractBrokenError: the version fails its self-test.
        ModelServerError: the model server cannot be started, or ended.
    """
    name, version, folder = pinned_version(model, preferred=preferred)
    sidecar = sidecar_of(folder.parent)
    with tempfile.TemporaryDirectory(prefix="miwake-") as stage:
        (Path(stage) / str(version)).symlink_to(folder, target_is_directory=True)
        async with running_model_server(kind, {name: Path(stage)}, errors_only=True) as address:
            server = GrpcModelServer(address)
            try:
                yield server, await _wait_until_tested(server, name, version, sidecar=sidecar)
            finally:
                await server.close()


async def _wait_until_tested(
    server: ModelServer, model: str, version: int, *, sidecar: Sidecar | None
) -> ModelVersion:
    give_up = time.monotonic() + START_TIMEOUT_SECONDS
    while True:
        try:
            await _refuse_ended(server, model, version)
            return await self_test(
                server, model, version, timeout_seconds=CALL_TIMEOUT_SECONDS, sidecar=sidecar
            )
        except (ContractBrokenError, ModelServerStartError):
            raise
        except ModelServerError as exc:
            if time.monotonic() > give_up:
                raise ModelServerStartError(f"the model server did not come up: {exc}") from exc
            await asyncio.sleep(_POLL_SECONDS)


async def _refuse_ended(server: ModelServer, model: str, version: int) -> None:
    """A version that could not be loaded will not come up by waiting.

    Raises:
        ModelServerStartError: it ended.
        ModelServerError: the model server does not answer yet.
    """
    for status in await server.versions(model, timeout_seconds=CALL_TIMEOUT_SECONDS):
        if status.version == version and status.state is VersionState.END:
            first_line = status.error.partition("\n")[0]
            raise ModelServerStartError(f"{model} version {version} cannot be loaded: {first_line}")
