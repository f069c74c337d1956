"""A few files and a model folder: predictions without a gateway."""

from __future__ import annotations

import asyncio
import contextlib
import tempfile
import time
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

from contract.errors import ContractBrokenError, ImageError
from contract.image import Pixels, decode
from contract.model_folder import pinned_version
from contract.prediction import Prediction, to_prediction
from modelserver.errors import ModelServerError, ModelServerStartError
from modelserver.grpc_adapter import GrpcModelServer
from modelserver.launch import Kind, running_model_server
from modelserver.predict import ModelVersion, predict_batch
from modelserver.protocol import VersionState
from modelserver.self_test import self_test

START_TIMEOUT_SECONDS = 120.0
CALL_TIMEOUT_SECONDS = 60.0
_POLL_SECONDS = 0.2


def predict_files(
    model: Path, paths: Sequence[Path], *, top_k: int, kind: Kind = Kind.AUTO
) -> list[Prediction | ImageError]:
    """Predict files with a model server started for it, which ends with it.

    Args:
        model: a model's folder (its newest version answers) or one of its versions' folders.
        paths: of encoded images.
        top_k: candidates an image, at least 1.
        kind: of model server.

    Returns:
        An outcome for each path, in order; a bad image fails alone.

    Raises:
        ModelFolderError: no version there.
        ContractBrokenError: the version fails its self-test.
        ModelServerError: the model server cannot be started, or ended.
        OSError: a path cannot be read.
    """
    return asyncio.run(_predict_files(model, paths, top_k=top_k, kind=kind))


async def _predict_files(
    model: Path, paths: Sequence[Path], *, top_k: int, kind: Kind
) -> list[Prediction | ImageError]:
    name, version, folder = pinned_version(model)
    async with _server_of(name, version, folder, kind=kind) as server:
        target = await _wait_until_tested(server, name, version)
        outcomes: list[Prediction | ImageError] = []
        size = target.manifest.max_batch_size
        for start in range(0, len(paths), size):
            outcomes += await _predict_batch(server, target, paths[start : start + size], top_k=top_k)
        return outcomes


@contextlib.asynccontextmanager
async def _server_of(name: str, version: int, folder: Path, *, kind: Kind) -> AsyncIterator[GrpcModelServer]:
    """A model server that sees this version alone, so that none published meanwhile can answer."""
    with tempfile.TemporaryDirectory(prefix="miwake-") as stage:
        (Path(stage) / str(version)).symlink_to(folder, target_is_directory=True)
        async with running_model_server(kind, {name: Path(stage)}) as address:
            server = GrpcModelServer(address)
            try:
                yield server
            finally:
                await server.close()


async def _wait_until_tested(server: GrpcModelServer, model: str, version: int) -> ModelVersion:
    give_up = time.monotonic() + START_TIMEOUT_SECONDS
    while True:
        try:
            await _refuse_ended(server, model, version)
            return await self_test(server, model, version, timeout_seconds=CALL_TIMEOUT_SECONDS)
        except (ContractBrokenError, ModelServerStartError):
            raise
        except ModelServerError as exc:
            if time.monotonic() > give_up:
                raise ModelServerStartError(f"the model server did not come up: {exc}") from exc
            await asyncio.sleep(_POLL_SECONDS)


async def _refuse_ended(server: GrpcModelServer, model: str, version: int) -> None:
    """A version that could not be loaded will not come up by waiting.

    Raises:
        ModelServerStartError: it ended.
        ModelServerError: the model server does not answer yet.
    """
    for status in await server.versions(model, timeout_seconds=CALL_TIMEOUT_SECONDS):
        if status.version == version and status.state is VersionState.END:
            first_line = status.error.partition("\n")[0]
            raise ModelServerStartError(f"{model} version {version} cannot be loaded: {first_line}")


async def _predict_batch(
    server: GrpcModelServer, target: ModelVersion, paths: Sequence[Path], *, top_k: int
) -> list[Prediction | ImageError]:
    manifest = target.manifest
    pixels = await asyncio.gather(*(asyncio.to_thread(_decode, path, target) for path in paths))
    images = [image for image in pixels if not isinstance(image, ImageError)]
    rows = iter(
        await predict_batch(server, target, images, timeout_seconds=CALL_TIMEOUT_SECONDS) if images else ()
    )
    return [
        image if isinstance(image, ImageError) else to_prediction(next(rows), manifest, top_k=top_k)
        for image in pixels
    ]


def _decode(path: Path, target: ModelVersion) -> Pixels | ImageError:
    try:
        return decode(path.read_bytes(), target.manifest.image)
    except ImageError as exc:
        return exc
