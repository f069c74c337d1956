from __future__ import annotations

import numpy as np
import pytest

from contract.errors import ContractBrokenError
from contract.sidecar import LabelledImage, Sidecar
from modelserver.errors import ModelServerAwayError, UnexpectedAnswerError
from modelserver.predict import ModelVersion
from modelserver.protocol import Call, Tensors
from modelserver.self_test import self_test
from tests.fake_model_server import FakeModelServer
from tests.pictures import encoded
from tests.sidecars import sidecar


class Foreign(FakeModelServer):
    """A model without a manifest, which answers each image with one row."""

    def __init__(self, *row: float) -> None:
        super().__init__()
        self.row = np.array(row, dtype=np.float32)
        self.asked: list[Call] = []

    async def call(self, call: Call, *, timeout_seconds: float) -> Tensors:
        del timeout_seconds
        if self.error:
            raise self.error
        self.asked.append(call)
        return {"scores": np.tile(self.row, (len(call.inputs["pixels"]), 1))}


async def run(server: FakeModelServer, its_sidecar: Sidecar, *, version: int = 1) -> ModelVersion:
    return await self_test(server, "toy", version, timeout_seconds=1, sidecar=its_sidecar)


async def test_a_black_and_a_gray_image_answered_with_probabilities_are_enough() -> None:
    server = Foreign(0.5, 0.25, 0.25)

    target = await run(server, sidecar(scaling="none"))

    assert target == ModelVersion("toy", 1, sidecar(scaling="none"))
    (call,) = server.asked
    assert [image.max() for image in call.inputs["pixels"]] == [0.0, 128.0]


async def test_a_version_the_sidecar_does_not_name_is_refused_without_a_call() -> None:
    server = Foreign(0.5, 0.25, 0.25)

    with pytest.raises(ContractBrokenError, match="describes toy version 1 and no other: toy version 2"):
        await run(server, sidecar(), version=2)

    assert server.asked == []


@pytest.mark.parametrize("row", [(3.0, 1.0, 2.0), (0.2, 0.2, 0.2), (1.5, -0.5, 0.0)])
async def test_numbers_that_are_no_probabilities_are_refused(row: tuple[float, ...]) -> None:
    with pytest.raises(ContractBrokenError, match="no probabilities that sum to 1"):
        await run(Foreign(*row), sidecar())


async def test_another_number_of_classes_is_refused() -> None:
    with pytest.raises(UnexpectedAnswerError, match=r"\[2, 2\], not \[2, 3\]"):
        await run(Foreign(0.5, 0.5), sidecar())


async def test_an_image_of_the_sidecar_that_gets_another_label_is_refused() -> None:
    golden = (LabelledImage(image_bytes=encoded(), label="owl"),)

    with pytest.raises(ContractBrokenError, match="'cat' comes first where the sidecar says 'owl'"):
        await run(Foreign(0.5, 0.25, 0.25), sidecar(golden=golden))


async def test_images_of_the_sidecar_that_get_their_label_pass_in_batches_the_model_takes() -> None:
    golden = (LabelledImage(image_bytes=encoded(), label="cat"),) * 4
    server = Foreign(0.5, 0.25, 0.25)

    await run(server, sidecar(golden=golden))

    assert [len(call.inputs["pixels"]) for call in server.asked] == [4, 2]


async def test_an_image_of_the_sidecar_that_cannot_be_decoded_is_said_so() -> None:
    golden = (LabelledImage(image_bytes=b"text", label="cat"),)

    with pytest.raises(ContractBrokenError, match="a golden example cannot be decoded"):
        await run(Foreign(0.5, 0.25, 0.25), sidecar(golden=golden))


async def test_a_model_server_that_is_away_says_nothing_of_the_version() -> None:
    server = Foreign(0.5, 0.25, 0.25)
    server.error = ModelServerAwayError("away")

    with pytest.raises(ModelServerAwayError):
        await run(server, sidecar())
