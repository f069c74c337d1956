"""The last check before a version is published: it is loaded as TensorFlow Serving loads it, and answers."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from contract import signatures
from contract.errors import ContractBrokenError
from contract.golden import check_golden, decoder_differs, golden_images
from contract.image import Pixels
from contract.manifest import Manifest
from training.exported_model import ExportedModel


def check_version(folder: Path, manifest: Manifest) -> None:
    """Ask all four signatures of a written version.

    Raises:
        ContractBrokenError: it does not load, or does not answer as the network it was made from.
    """
    with ExportedModel(folder) as model:
        if model.manifest_json != manifest.to_json():
            raise ContractBrokenError("export: the manifest signature answers another text")
        images = golden_images(manifest)
        if decoder_differs(manifest, images):
            raise ContractBrokenError("export: the golden examples decode to other pixels than before")
        check_golden(manifest, model.predict(images))
        _check_explain(model, images)
        _check_embed(model, images)


def _check_explain(model: ExportedModel, images: Pixels) -> None:
    probabilities = model.predict(images)
    answer = model.call(
        signatures.EXPLAIN,
        {
            signatures.IMAGES: images,
            signatures.CLASS_INDEX: probabilities.argmax(axis=1).astype(np.int32),
        },
    )
    heatmaps = answer[signatures.HEATMAPS]
    if heatmaps.shape != images.shape[:3] or not np.all((heatmaps >= 0) & (heatmaps <= 1)):
        raise ContractBrokenError("export: a heat map is not [H, W] within 0 to 1")
    check_golden(model.manifest, answer[signatures.PROBABILITIES])


def _check_embed(model: ExportedModel, images: Pixels) -> None:
    embeddings = model.call(signatures.EMBED, {signatures.IMAGES: images})[signatures.EMBEDDINGS]
    norms = np.linalg.norm(embeddings, axis=1)
    # A vector of zeros stays one: a network may be silent on a generated picture.
    if len(embeddings) != len(images) or not np.all(np.isclose(norms, 1, atol=1e-3) | (norms == 0)):
        raise ContractBrokenError("export: an embedding is not of length 1")
