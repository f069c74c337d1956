from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest

from modelserver.errors import SignatureNotFoundError, UnexpectedAnswerError
from modelserver.predict import ModelVersion, embed_batch, explain_batch, predict_batch
from modelserver.protocol import Call, Tensors
from tests.fake_model_server import FakeModelServer, FakeVersion, constant
from tests.manifests import manifest
from tests.sidecars import sidecar

TOY = ModelVersion("toy", 1, manifest())
FOREIGN = ModelVersion("toy", 1, sidecar())
IMAGES = [np.full((8, 8, 3), shade, dtype=np.uint8) for shade in (10, 100, 200)]


class Answering(FakeModelServer):
    """Answers every call with these outputs, and remembers the call."""

    def __init__(self, outputs: Mapping[str, Any]) -> None:
        super().__init__()
        self.outputs = {name: np.asarray(values) for name, values in outputs.items()}
        self.asked: list[Call] = []

    async def call(self, call: Call, *, timeout_seconds: float) -> Tensors:
        del timeout_seconds
        self.asked.append(call)
        return self.outputs


async def test_a_batch_is_padded_and_the_paddings_rows_are_dropped() -> None:
    server = FakeModelServer()

    rows = await predict_batch(server, TOY, IMAGES, timeout_seconds=1)

    assert rows.shape == (3, 3)
    assert server.batches == [4]


@pytest.mark.parametrize(
    "network",
    [
        constant(0.5, 0.5),
        constant(float("nan"), 0.5, 0.5),
        lambda images: np.zeros((1, 3), dtype=np.float32),  # noqa: ARG005
        lambda images: np.zeros((len(images), 3), dtype=np.int32),
    ],
)
async def test_an_answer_of_another_shape_or_not_finite_is_refused(network: object) -> None:
    server = FakeModelServer({"toy": {1: FakeVersion(network=network)}})  # type: ignore[arg-type]

    with pytest.raises(UnexpectedAnswerError):
        await predict_batch(server, TOY, IMAGES[:2], timeout_seconds=1)


async def test_an_explanation_is_asked_for_each_images_own_class_in_one_padded_batch() -> None:
    server = FakeModelServer()

    heatmaps, probabilities = await explain_batch(
        server, TOY, IMAGES, class_indices=[2, 0, 1], timeout_seconds=1
    )

    assert (heatmaps.shape, probabilities.shape) == ((3, 8, 8), (3, 3))
    assert server.class_indices == [[2, 0, 1, 0]]


async def test_embeddings_come_one_for_each_image() -> None:
    vectors = await embed_batch(FakeModelServer(), TOY, IMAGES, timeout_seconds=1)

    assert vectors.shape == (3, 2)


@pytest.mark.parametrize(
    ("outputs", "text"),
    [
        ({"probabilities": np.ones((2, 3))}, "no output 'heatmaps'"),
        ({"heatmaps": np.ones((2, 8, 8))}, "no output 'probabilities'"),
        ({"heatmaps": np.ones((2, 8, 7))}, r"heatmaps of shape \[2, 8, 7\], not \[2, 8, 8\]"),
        ({"heatmaps": np.full((2, 8, 8), np.inf)}, "no finite numbers"),
        ({"heatmaps": np.ones((2, 8, 8)), "probabilities": np.ones((2, 4))}, "probabilities of shape"),
    ],
)
async def test_an_explanation_of_another_form_is_refused(outputs: dict[str, Any], text: str) -> None:
    with pytest.raises(UnexpectedAnswerError, match=text):
        await explain_batch(Answering(outputs), TOY, IMAGES[:2], class_indices=[0, 0], timeout_seconds=1)


@pytest.mark.parametrize("embeddings", [np.ones((2,)), np.ones((1, 4)), np.full((2, 4), np.nan)])
async def test_embeddings_of_another_form_are_refused(embeddings: object) -> None:
    with pytest.raises(UnexpectedAnswerError):
        await embed_batch(Answering({"embeddings": embeddings}), TOY, IMAGES[:2], timeout_seconds=1)


async def test_a_model_made_elsewhere_gets_scaled_floats_under_the_names_of_its_sidecar() -> None:
    server = Answering({"scores": np.full((4, 3), 1 / 3, dtype=np.float32)})

    rows = await predict_batch(server, FOREIGN, IMAGES, timeout_seconds=1)

    (call,) = server.asked
    assert (call.signature, list(call.inputs)) == ("classify", ["pixels"])
    assert call.inputs["pixels"].dtype == np.float32
    assert call.inputs["pixels"].shape == (4, 8, 8, 3)
    np.testing.assert_allclose(call.inputs["pixels"][1], np.full((8, 8, 3), 100 / 255), rtol=1e-6)
    assert rows.shape == (3, 3)


async def test_logits_of_a_model_made_elsewhere_become_probabilities_however_large_they_are() -> None:
    server = Answering({"scores": np.array([[1000.0, 1000.0, -1000.0]], dtype=np.float32)})
    target = ModelVersion("toy", 1, sidecar(output_kind="logits"))

    (row,) = await predict_batch(server, target, IMAGES[:1], timeout_seconds=1)

    np.testing.assert_allclose(row, [0.5, 0.5, 0.0])


async def test_a_model_made_elsewhere_explains_and_embeds_nothing() -> None:
    server = FakeModelServer()

    with pytest.raises(SignatureNotFoundError, match="can only predict"):
        await explain_batch(server, FOREIGN, IMAGES, class_indices=[0, 0, 0], timeout_seconds=1)
    with pytest.raises(SignatureNotFoundError, match="can only predict"):
        await embed_batch(server, FOREIGN, IMAGES, timeout_seconds=1)
    assert server.batches == []


def test_what_a_version_says_of_itself_is_its_manifest_and_a_sidecar_is_none() -> None:
    assert TOY.manifest == manifest()
    assert FOREIGN.manifest is None
