from __future__ import annotations

import numpy as np
import pytest

from contract import signatures
from contract.errors import ContractBrokenError, ManifestError
from contract.manifest import Golden
from modelserver.errors import ModelServerAwayError, SignatureNotFoundError, UnexpectedAnswerError
from modelserver.predict import ModelVersion
from modelserver.protocol import Call, Tensors
from modelserver.self_test import self_test
from tests.fake_model_server import FakeModelServer, FakeVersion, constant
from tests.manifests import golden, manifest


async def run(server: FakeModelServer) -> ModelVersion:
    return await self_test(server, "toy", 1, timeout_seconds=1)


async def test_a_version_that_answers_as_trained_passes_and_brings_its_manifest() -> None:
    assert await run(FakeModelServer()) == ModelVersion("toy", 1, manifest())


async def test_a_version_that_answers_otherwise_is_refused() -> None:
    server = FakeModelServer({"toy": {1: FakeVersion(network=constant(0.1, 0.2, 0.7))}})

    with pytest.raises(ContractBrokenError, match="golden"):
        await run(server)


async def test_a_model_server_that_is_away_says_nothing_of_the_version() -> None:
    server = FakeModelServer()
    server.error = ModelServerAwayError("away")

    with pytest.raises(ModelServerAwayError):
        await run(server)


class Scripted(FakeModelServer):
    """Answers the manifest signature with this."""

    def __init__(self, outputs: Tensors | Exception) -> None:
        super().__init__()
        self.outputs = outputs

    async def call(self, call: Call, *, timeout_seconds: float) -> Tensors:
        if call.signature != signatures.MANIFEST:
            return await super().call(call, timeout_seconds=timeout_seconds)
        if isinstance(self.outputs, Exception):
            raise self.outputs
        return self.outputs


@pytest.mark.parametrize(
    ("outputs", "expected"),
    [
        (SignatureNotFoundError("no"), UnexpectedAnswerError),
        ({}, UnexpectedAnswerError),
        ({"manifest": np.array([b"{}"], dtype=object)}, ManifestError),
        ({"manifest": np.array([1.0], dtype=np.float32)}, UnexpectedAnswerError),
        ({"manifest": np.array([b"{}", b"{}"], dtype=object)}, UnexpectedAnswerError),
    ],
)
async def test_a_version_without_a_readable_manifest_is_refused(
    outputs: Tensors | Exception, expected: type[Exception]
) -> None:
    with pytest.raises(expected):
        await run(Scripted(outputs))


async def test_golden_examples_are_sent_in_batches_the_model_takes() -> None:
    (example,) = golden((0.7, 0.2, 0.1)).examples
    examples = Golden(max_probability_difference=0.02, examples=(example,) * 5)
    server = FakeModelServer({"toy": {1: FakeVersion(manifest(max_batch_size=2, golden=examples))}})

    await run(server)

    assert server.batches == [2, 2, 1]
