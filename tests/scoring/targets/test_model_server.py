"""A model server as the target, on a scripted one: what is asked, and what becomes of its answers."""

from __future__ import annotations

import asyncio
import dataclasses
import io

import numpy as np
import pytest
from PIL import Image

from contract.errors import ContractBrokenError, TooManyPixelsError, UnsupportedFormatError
from modelserver.errors import ModelServerAwayError, OverloadedError, VersionNotFoundError
from modelserver.protocol import VersionState
from scoring.row import Extras
from scoring.targets.model_server import ModelServerBackend, heat_png
from scoring.targets.target import Answer, Wanted
from tests.fake_model_server import FakeModelServer, FakeVersion
from tests.manifests import manifest
from tests.pictures import encoded, picture
from tests.sidecars import sidecar

WANTED = Wanted(top_k=2, extras=Extras(), max_pixels=10_000)


def _server(*versions: int) -> FakeModelServer:
    return FakeModelServer({"toy": {number: FakeVersion() for number in versions}})


def _backend(server: FakeModelServer, **wanted) -> ModelServerBackend:
    return ModelServerBackend(server, "toy", wanted=dataclasses.replace(WANTED, **wanted))


async def _answers(backend: ModelServerBackend, count: int) -> list[Answer]:
    return await backend.ask([backend.prepare(encoded(picture(seed=n))) for n in range(count)])


async def test_the_newest_available_version_is_chosen():
    server = _server(1, 2, 3)
    server.models["toy"][3].state = VersionState.LOADING

    pinned = await _backend(server).choose(None)

    assert (pinned.model, pinned.version) == ("toy", 2)


async def test_a_version_that_is_named_is_chosen_and_no_other():
    server = _server(1, 2)

    assert (await _backend(server).choose(1)).version == 1
    with pytest.raises(VersionNotFoundError):
        await _backend(server).choose(9)


async def test_a_model_without_an_available_version_is_waited_for():
    server = _server(1)
    server.models["toy"][1].state = VersionState.LOADING

    with pytest.raises(ModelServerAwayError, match="no version of toy available"):
        await _backend(server).choose(None)


async def test_a_version_that_fails_its_self_test_is_not_chosen():
    server = FakeModelServer(
        {"toy": {1: FakeVersion(network=lambda images: np.full((len(images), 3), 1 / 3))}}
    )

    with pytest.raises(ContractBrokenError, match="golden"):
        await _backend(server).choose(None)


async def test_the_digest_is_of_what_the_version_says_of_itself():
    same, other = _server(1), _server(1)
    other.models["toy"][1] = FakeVersion(manifest(unknown_threshold=0.5))

    digests = [(await _backend(server).choose(1)).sha256 for server in (_server(1), same, other)]

    assert digests[0] == digests[1] != digests[2]
    assert len(digests[0]) == 64


async def test_a_photograph_is_decoded_here_to_the_models_pixels():
    backend = _backend(_server(1))
    await backend.choose(None)

    pixels = backend.prepare(encoded())

    assert (pixels.shape, pixels.dtype) == ((8, 8, 3), np.uint8)


@pytest.mark.parametrize(
    ("data", "error"),
    [
        (b"text", UnsupportedFormatError),
        (b"", UnsupportedFormatError),
        (encoded(picture(200, 100)), TooManyPixelsError),
    ],
)
async def test_a_bad_photograph_is_refused_here(data, error):
    backend = _backend(_server(1))
    await backend.choose(None)

    with pytest.raises(error):
        backend.prepare(data)


async def test_a_batch_is_one_call_and_each_photograph_has_its_label_and_top():
    server = _server(1)
    backend = _backend(server)
    await backend.choose(None)
    server.batches.clear()

    answers = await _answers(backend, 3)

    assert server.batches == [4]  # padded
    assert backend.batch_size == 8
    assert [answer.prediction.label for answer in answers] == ["cat"] * 3
    assert [candidate.label for candidate in answers[0].prediction.top] == ["cat", "dog"]
    assert (answers[0].embedding, answers[0].heatmap) == (None, None)


async def test_under_the_threshold_a_label_is_unknown():
    server = FakeModelServer({"toy": {1: FakeVersion(manifest(unknown_threshold=0.9))}})
    backend = _backend(server)
    await backend.choose(None)

    [answer] = await _answers(backend, 1)

    assert (answer.prediction.label, answer.prediction.top[0].label) == ("unknown", "cat")


async def test_vectors_and_heat_maps_of_the_best_label_come_along_where_asked_for():
    server = _server(1)
    backend = _backend(server, extras=Extras(embedding=True, heatmap=True))
    await backend.choose(None)

    answers = await _answers(backend, 2)

    for answer in answers:
        assert answer.embedding is not None
        np.testing.assert_array_equal(answer.embedding, np.array([0.6, 0.8], dtype=np.float32))
        assert answer.heatmap is not None
        with Image.open(io.BytesIO(answer.heatmap)) as heatmap:
            assert (heatmap.format, heatmap.mode, heatmap.size) == ("PNG", "L", (8, 8))
            assert heatmap.getextrema()[1] == 255
    assert server.class_indices == [[0, 0]]


def test_a_heat_map_is_white_where_the_model_looked():
    heat = heat_png(np.array([[0.0, 0.5], [1.0, 0.25]], dtype=np.float32))

    with Image.open(io.BytesIO(heat)) as heatmap:
        assert np.asarray(heatmap).tolist() == [[0, 128], [255, 64]]


async def test_a_server_that_goes_away_is_another_connection_and_an_overloaded_one_is_not():
    server = _server(1)
    backend = _backend(server)
    await backend.choose(None)

    server.predict_error = OverloadedError("busy")
    with pytest.raises(OverloadedError):
        await _answers(backend, 1)
    assert backend.connection == 0

    server.predict_error = ModelServerAwayError("gone")
    with pytest.raises(ModelServerAwayError):
        await _answers(backend, 1)
    assert backend.connection == 1


async def test_a_connection_that_breaks_between_calls_is_noticed_each_time():
    server = _server(1)

    async with _backend(server).watching() as backend:
        for broken in (1, 2):
            await asyncio.sleep(0)
            server.break_connection()
            await asyncio.sleep(0)
            await asyncio.sleep(0)
            assert backend.connection == broken

    assert asyncio.all_tasks() == {asyncio.current_task()}


async def test_a_version_that_was_unloaded_is_said_so():
    server = _server(1)
    backend = _backend(server)
    await backend.choose(None)
    server.models["toy"] = {2: FakeVersion()}

    with pytest.raises(VersionNotFoundError):
        await _answers(backend, 1)


async def test_a_model_made_elsewhere_is_known_by_its_sidecar():
    server = FakeModelServer({"toy": {1: FakeVersion()}})

    class Foreign(FakeModelServer):
        async def call(self, call, *, timeout_seconds):
            del timeout_seconds
            return {
                "scores": np.tile(
                    np.array([0.7, 0.2, 0.1], dtype=np.float32), (len(call.inputs["pixels"]), 1)
                )
            }

    digests = []
    for its_sidecar in (sidecar(), sidecar(), sidecar(max_batch_size=2)):
        backend = ModelServerBackend(Foreign(server.models), "toy", wanted=WANTED, sidecar=its_sidecar)
        digests.append((await backend.choose(None)).sha256)
    [answer] = await _answers(backend, 1)

    assert answer.prediction.label == "cat"
    assert digests[0] == digests[1] != digests[2]
