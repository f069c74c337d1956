"""The adapter against a real server: what a label stands for."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from modelserver.errors import ModelServerAwayError, SignatureNotFoundError, VersionNotFoundError
from modelserver.grpc_adapter import GrpcModelServer
from modelserver.predict import embed_batch, explain_batch
from modelserver.self_test import self_test

pytestmark = pytest.mark.tensorflow


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> object:
    from tests.colour_model import publish_colours
    from tests.serving.embedded.caller import RunningServer, write_config
    from tests.serving.embedded.tiny_models import write_toy

    folder = tmp_path_factory.mktemp("labelled")
    for _ in range(2):
        publish_colours(folder / "colours")
    write_toy(folder / "toy" / "1")
    config = write_config(
        folder / "models.config",
        folder / "colours",
        folder / "toy",
        labels='version_labels { key: "stable" value: 1 }',
    )
    server = RunningServer(config)
    with server:
        yield server.server.address


async def test_a_label_is_the_version_that_the_model_server_says(address: str) -> None:
    server = GrpcModelServer(address)

    assert await server.version_of_label("colours", "stable", timeout_seconds=60) == 1

    await server.close()


async def test_a_label_or_a_model_that_is_not_there_has_no_version(address: str) -> None:
    server = GrpcModelServer(address)

    with pytest.raises(VersionNotFoundError):
        await server.version_of_label("colours", "canary", timeout_seconds=60)
    with pytest.raises(VersionNotFoundError):
        await server.version_of_label("roses", "stable", timeout_seconds=60)

    await server.close()


async def test_explanations_and_embeddings_of_a_real_model_have_the_form_that_is_promised(
    address: str,
) -> None:
    server = GrpcModelServer(address)
    target = await self_test(server, "colours", 2, timeout_seconds=60)
    images = np.zeros((3, 8, 8, 3), dtype=np.uint8)
    images[:, :, :4] = [[[[255, 0, 0]]], [[[0, 255, 0]]], [[[0, 0, 255]]]]

    heatmaps, probabilities = await explain_batch(
        server, target, images, class_indices=[0, 1, 2], timeout_seconds=60
    )
    vectors = await embed_batch(server, target, images, timeout_seconds=60)

    assert probabilities.argmax(axis=1).tolist() == [0, 1, 2]
    assert heatmaps.shape == (3, 8, 8)
    assert heatmaps[:, :, 0].min() > heatmaps[:, :, 7].max()  # the coloured half is on the left
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, rtol=1e-5)
    await server.close()


async def test_a_model_server_that_is_away_knows_no_label(tmp_path: Path) -> None:
    server = GrpcModelServer(f"unix:{tmp_path}/none")

    with pytest.raises(ModelServerAwayError):
        await server.version_of_label("colours", "stable", timeout_seconds=5)

    await server.close()


async def test_a_label_of_a_model_without_a_manifest_cannot_be_resolved(tmp_path: Path) -> None:
    from tests.foreign_model import write_foreign_model
    from tests.serving.embedded.caller import RunningServer, write_config

    write_foreign_model(tmp_path / "legacy" / "3")
    labels = 'version_labels { key: "stable" value: 3 }'
    running = RunningServer(write_config(tmp_path / "config", tmp_path / "legacy", labels=labels))
    with running:
        server = GrpcModelServer(running.server.address)

        with pytest.raises(SignatureNotFoundError):
            await server.version_of_label("legacy", "stable", timeout_seconds=60)

        await server.close()
