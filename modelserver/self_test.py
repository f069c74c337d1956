"""What a version must pass before any answer of it is used: its manifest, then its golden examples.

A version made elsewhere brings neither: its sidecar says what it is and may name images it must get right.
"""

from __future__ import annotations

import asyncio
import logging

import numpy as np

from contract import signatures
from contract.golden import check_golden, decoder_differs, golden_images
from contract.manifest import Manifest
from contract.sidecar import Sidecar
from modelserver.errors import SignatureNotFoundError, UnexpectedAnswerError
from modelserver.foreign_self_test import foreign_self_test
from modelserver.predict import ModelVersion, output, predict_all
from modelserver.protocol import Call, ModelServer

_log = logging.getLogger(__name__)


async def self_test(
    model_server: ModelServer,
    model: str,
    version: int,
    *,
    timeout_seconds: float,
    sidecar: Sidecar | None = None,
) -> ModelVersion:
    """Read a version's manifest from the version itself and replay its golden examples.

    Args:
        model_server: where it runs.
        model: its name there.
        version: a concrete one.
        timeout_seconds: for each of the calls.
        sidecar: of a model made elsewhere, in place of a manifest.

    Returns:
        The version with what is known of it, now known to belong to what answers.

    Raises:
        ContractBrokenError: no manifest, one this build cannot read, golden examples that differ, or a
            version that the sidecar says nothing of.
        ModelServerError: the model server was away, late, overloaded or broken; nothing is known of the
            version.
    """
    if sidecar is not None:
        return await foreign_self_test(
            model_server, model, version, sidecar=sidecar, timeout_seconds=timeout_seconds
        )
    manifest = await _read_manifest(model_server, model, version, timeout_seconds=timeout_seconds)
    images = await asyncio.to_thread(golden_images, manifest)
    if decoder_differs(manifest, images):
        _log.warning("%s version %d: this decoder gives other pixels than its trainer's", model, version)
    tested = ModelVersion(model, version, manifest)
    check_golden(manifest, await predict_all(model_server, tested, images, timeout_seconds=timeout_seconds))
    return tested


async def _read_manifest(
    model_server: ModelServer, model: str, version: int, *, timeout_seconds: float
) -> Manifest:
    call = Call(
        model=model,
        version=version,
        signature=signatures.MANIFEST,
        inputs={signatures.REQUEST: np.zeros(1, dtype=np.int32)},
    )
    try:
        outputs = await model_server.call(call, timeout_seconds=timeout_seconds)
    except SignatureNotFoundError as exc:
        raise UnexpectedAnswerError("the model carries no manifest") from exc
    text = output(outputs, signatures.MANIFEST)
    if text.shape != (1,) or not isinstance(text[0], bytes):
        raise UnexpectedAnswerError("the model's manifest signature does not answer with one string")
    return Manifest.from_json(text[0])
