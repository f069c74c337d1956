"""A few files and a model folder: predictions without a gateway."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path

from contract.errors import ImageError
from contract.image import Pixels, decode
from contract.prediction import Prediction, to_prediction
from modelserver.launch import Kind
from modelserver.predict import ModelVersion, predict_batch
from modelserver.protocol import ModelServer
from scoring.one_version import CALL_TIMEOUT_SECONDS, one_version


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
    async with one_version(model, kind=kind) as (server, target):
        outcomes: list[Prediction | ImageError] = []
        size = target.facts.max_batch_size
        for start in range(0, len(paths), size):
            outcomes += await _predict_batch(server, target, paths[start : start + size], top_k=top_k)
        return outcomes


async def _predict_batch(
    server: ModelServer, target: ModelVersion, paths: Sequence[Path], *, top_k: int
) -> list[Prediction | ImageError]:
    pixels = await asyncio.gather(*(asyncio.to_thread(_decode, path, target) for path in paths))
    images = [image for image in pixels if not isinstance(image, ImageError)]
    rows = iter(
        await predict_batch(server, target, images, timeout_seconds=CALL_TIMEOUT_SECONDS) if images else ()
    )
    return [
        image if isinstance(image, ImageError) else to_prediction(next(rows), target.facts, top_k=top_k)
        for image in pixels
    ]


def _decode(path: Path, target: ModelVersion) -> Pixels | ImageError:
    try:
        return decode(path.read_bytes(), target.facts.image)
    except ImageError as exc:
        return exc
