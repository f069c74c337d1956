"""A SavedModel that Keras exported, served by the embedded server as its sidecar says."""

from __future__ import annotations

import asyncio
from pathlib import Path

import numpy as np
import pytest

from contract.batch_sizes import padded_size
from contract.errors import ContractBrokenError
from contract.sidecar import Scaling
from modelserver.errors import SignatureNotFoundError, UnexpectedAnswerError
from modelserver.foreign import scaled
from modelserver.launch import Kind
from modelserver.predict import embed_batch, explain_batch, predict_batch
from scoring.one_version import one_version
from tests.foreign_model import sidecar_toml, write_foreign_model

pytestmark = [pytest.mark.tensorflow, pytest.mark.slow]

IMAGES = np.random.default_rng(1).integers(0, 256, (3, 8, 8, 3), dtype=np.uint8)


def lay_out(models: Path, sidecar: str) -> Path:
    (models / "models.toml").write_text('default = "legacy"\n[models.legacy]\nsidecar = "legacy.toml"\n')
    (models / "legacy.toml").write_text(sidecar)
    return models / "legacy" / "3"


@pytest.mark.parametrize("scaling", ["1/255", "caffe"])
@pytest.mark.parametrize("kind", ["probabilities", "logits"])
async def test_its_probabilities_are_those_that_keras_gives(
    tmp_path: Path, kind: str, scaling: Scaling
) -> None:
    version = lay_out(tmp_path, sidecar_toml(kind=kind, scaling=scaling))
    model = write_foreign_model(version, softmax=kind == "probabilities")

    async with one_version(version, kind=Kind.EMBEDDED) as (server, target):
        rows = await predict_batch(server, target, IMAGES, timeout_seconds=60)
        with pytest.raises(SignatureNotFoundError):
            await explain_batch(server, target, IMAGES, class_indices=[0, 1, 2], timeout_seconds=60)
        with pytest.raises(SignatureNotFoundError):
            await embed_batch(server, target, IMAGES, timeout_seconds=60)

    expected = np.asarray(model(scaled(IMAGES, scaling)), dtype=np.float64)
    if kind == "logits":
        expected = np.exp(expected) / np.exp(expected).sum(axis=1, keepdims=True)
    np.testing.assert_allclose(rows, expected, atol=1e-5)
    assert target.manifest is None
    assert padded_size(len(IMAGES)) == 4
    assert len(rows) == 3


@pytest.mark.parametrize(
    ("sidecar", "error", "said"),
    [
        (sidecar_toml(version=2), ContractBrokenError, "describes legacy version 2 and no other"),
        (sidecar_toml(output_name="scores"), UnexpectedAnswerError, "no output 'scores'"),
        (sidecar_toml(input_name="x"), UnexpectedAnswerError, "refused a request"),
        (sidecar_toml(signature="classify"), ContractBrokenError, "signature 'classify'"),
    ],
)
async def test_a_sidecar_that_is_not_the_models_is_found_out_by_the_self_test(
    tmp_path: Path, sidecar: str, error: type[Exception], said: str
) -> None:
    version = lay_out(tmp_path, sidecar)
    await asyncio.to_thread(write_foreign_model, version)

    with pytest.raises(error, match=said):
        async with one_version(version, kind=Kind.EMBEDDED):
            pass
