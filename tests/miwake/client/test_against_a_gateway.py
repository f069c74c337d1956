"""The client against the gateway as it is, on a real port."""

from __future__ import annotations

import contextlib
import io
import itertools
import threading
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import aclosing
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from contract import errors as contract_errors
from contract.prediction import to_prediction
from miwake import AsyncClient, Client
from miwake.client import ImageError, Prediction, Retries
from miwake.client.errors import (
    BodyTooLargeError,
    ImageUndecodableError,
    ImageUnreadableError,
    InvalidParameterError,
    ModelNotFoundError,
    ModelServerAwayError,
    TooManyPixelsError,
    UnauthenticatedError,
    UnsupportedFormatError,
    VersionNotFoundError,
)
from modelserver.errors import ModelServerAwayError as Away
from modelserver.models_file import ModelEntry, ModelsFile
from serving.callers.new_keys import Allowance, add_key
from tests.colour_server import COLOURS, colour_manifest, probabilities
from tests.fake_model_server import FakeModelServer, FakeVersion
from tests.pictures import colour_picture, png_header_only
from tests.serving.gateway_thread import gateway_at_port

pytestmark = pytest.mark.slow

MODELS = ModelsFile(default="toy", models={"toy": ModelEntry(aliases={"stable": 1})})
PICTURES = [colour_picture(colour) for colour in COLOURS]
ONCE = Retries(attempts=1)


@contextlib.contextmanager
def ready_gateway(model_server: FakeModelServer, **settings: Any) -> Iterator[str]:
    with gateway_at_port(model_server, models=MODELS, **settings) as url, Client(url) as client:
        give_up = time.monotonic() + 10
        while not client.is_ready():
            assert time.monotonic() < give_up
            time.sleep(0.01)
        yield url


@pytest.fixture(scope="module")
def model_server() -> FakeModelServer:
    """It tells red, green and blue apart."""
    return FakeModelServer({"toy": {1: FakeVersion(colour_manifest(), network=probabilities)}})


@pytest.fixture(scope="module")
def url(model_server: FakeModelServer) -> Iterator[str]:
    with ready_gateway(model_server, max_images_per_request=8, max_body_bytes=200_000) as url:
        yield url


@pytest.fixture
def client(url: str) -> Iterator[Client]:
    with Client(url) as client:
        yield client


def test_an_image_is_labelled_whatever_it_is_handed_over_as(client: Client, tmp_path: Path) -> None:
    (tmp_path / "red.png").write_bytes(PICTURES[0])
    picture = Image.open(io.BytesIO(PICTURES[0]))

    for source in (
        PICTURES[0],
        tmp_path / "red.png",
        str(tmp_path / "red.png"),
        picture,
        np.asarray(picture),
    ):
        prediction = client.predict(source, top_k=2)

        assert (prediction.label, prediction.model, prediction.version) == ("red", "toy", 1)
        assert [candidate.label for candidate in prediction.top] == ["red", "green"]
        assert prediction.probability == prediction.top[0].probability > 0.99


async def test_tasks_share_a_client(url: str) -> None:
    async with AsyncClient(url) as client:
        first, second = await client.predict(PICTURES[0]), await client.predict(Image.new("L", (9, 9), 200))

    assert first.label == "red"
    assert [candidate.probability for candidate in second.top] == [0.333333] * 3


def test_a_prediction_is_the_one_that_a_model_folder_gives(client: Client) -> None:
    from contract.image import decode

    its_manifest = colour_manifest()
    row = probabilities(decode(PICTURES[1], its_manifest.image)[None])[0]

    expected = to_prediction(row, its_manifest, top_k=5)
    answer = client.predict(PICTURES[1])
    assert (answer.label, answer.probability, answer.top) == (
        expected.label,
        expected.probability,
        expected.top,
    )


def test_a_version_may_be_a_number_or_an_alias(client: Client) -> None:
    assert client.predict(PICTURES[0], model="toy", version=1).version == 1
    assert client.predict(PICTURES[0], version="stable").version == 1
    for unknown in (7, "canary"):
        with pytest.raises(VersionNotFoundError):
            client.predict(PICTURES[0], version=unknown)


def test_the_request_id_goes_out_and_comes_back(client: Client) -> None:
    assert client.predict(PICTURES[0], request_id="mine").request_id == "mine"
    with pytest.raises(ModelNotFoundError) as error:
        client.predict(PICTURES[0], model="nope", request_id="mine")

    assert (error.value.request_id, error.value.status) == ("mine", 404)


@pytest.mark.parametrize(
    ("image", "error", "status"),
    [
        (b"text", UnsupportedFormatError, 415),
        (PICTURES[0][:60], ImageUndecodableError, 422),
        (png_header_only(60_000, 60_000), TooManyPixelsError, 413),
        (bytes(200_001), BodyTooLargeError, 413),
    ],
)
def test_a_bad_image_is_its_own_error(client: Client, image: bytes, error: Any, status: int) -> None:
    with pytest.raises(error) as raised:
        client.predict(image, name="a")

    assert (raised.value.status, raised.value.name) == (status, "a")
    assert isinstance(raised.value, contract_errors.ImageError)


def test_a_wrong_argument_is_named(client: Client) -> None:
    with pytest.raises(InvalidParameterError, match="top_k"):
        client.predict(PICTURES[0], top_k=0)
    with pytest.raises(InvalidParameterError, match="mauve"):
        client.explain(PICTURES[0], label="mauve")


def test_many_come_back_in_their_order_with_the_bad_among_them(client: Client, tmp_path: Path) -> None:
    row = [
        PICTURES[0],
        b"text",
        ("second", PICTURES[1]),
        b"",
        tmp_path / "nowhere",
        PICTURES[2],
        bytes(200_001),
    ]
    images = row * 12

    for per_request in (1, 4, 50):
        outcomes = list(client.predict_many(images, concurrency=5, images_per_request=per_request))

        assert len(outcomes) == len(images)
        for start in range(0, len(images), len(row)):
            first, text, second, empty, nowhere, last, large = outcomes[start : start + len(row)]
            assert [first.label, second.label, last.label] == list(COLOURS)
            assert [first.name, second.name, nowhere.name] == [None, "second", str(tmp_path / "nowhere")]
            assert [type(text), type(empty)] == [UnsupportedFormatError] * 2
            assert [type(nowhere), type(large)] == [ImageUnreadableError, BodyTooLargeError]


async def test_tasks_give_the_same(url: str, client: Client) -> None:
    images = [*PICTURES, b"text", b""] * 9

    async def over_time() -> AsyncIterator[bytes]:
        for image in images:
            yield image

    async with AsyncClient(url) as tasks:
        outcomes = [outcome async for outcome in tasks.predict_many(over_time(), concurrency=5)]

    assert [_seen(outcome) for outcome in outcomes] == [_seen(o) for o in client.predict_many(images)]


def _seen(outcome: Prediction | ImageError) -> tuple[object, ...]:
    if isinstance(outcome, ImageError):
        return outcome.code, str(outcome)
    return outcome.label, outcome.top


def test_images_without_an_end_are_read_a_little_ahead(client: Client) -> None:
    drawn = itertools.count()
    images = (PICTURES[next(drawn) % 3] for _ in itertools.count())

    with contextlib.closing(client.predict_many(images, concurrency=2, images_per_request=3)) as outcomes:
        labels = [outcome.label for outcome in itertools.islice(outcomes, 30)]

    assert labels == list(COLOURS) * 10
    assert next(drawn) <= 30 + 2 * 2 * 3


async def test_tasks_end_where_the_loop_is_left(url: str) -> None:
    async with AsyncClient(url) as client:
        async with aclosing(client.predict_many(itertools.cycle(PICTURES))) as outcomes:
            async for outcome in outcomes:
                assert outcome.label == "red"
                break

        assert (await client.predict(PICTURES[2])).label == "blue"


def test_what_concerns_all_images_is_raised(client: Client) -> None:
    with pytest.raises(ModelNotFoundError):
        list(client.predict_many(PICTURES, model="nope"))
    with pytest.raises(TypeError):
        list(client.predict_many([*PICTURES, None]))


def test_an_explanation_is_a_picture_or_a_heat_map(client: Client, model_server: FakeModelServer) -> None:
    best = client.explain(PICTURES[0])
    green = client.explain(PICTURES[0], label="green", form="numbers", model="toy", version=1)

    assert (best.label, green.label, best.heatmap, green.overlay) == ("red", "green", None, None)
    with Image.open(io.BytesIO(best.overlay)) as overlay:
        assert overlay.format == "PNG"
    assert (green.heatmap.shape, green.heatmap.dtype) == ((8, 8), np.float32)
    assert green.heatmap.max() == 1
    assert model_server.class_indices[-1] == [1]


def test_an_embedding_is_of_length_1(client: Client) -> None:
    embedding = client.embed(PICTURES[0], name="a")

    assert embedding.vector.dtype == np.float32
    assert np.linalg.norm(embedding.vector) == pytest.approx(1)
    assert (embedding.model, embedding.version, embedding.name) == ("toy", 1, "a")


def test_a_model_says_what_it_is(client: Client) -> None:
    (summary,) = client.models()
    model = client.model("toy")

    assert (summary.name, summary.default, summary.ready, summary.latest) == ("toy", True, True, 1)
    assert (summary.versions[0].self_test, summary.versions[0].aliases) == ("passed", ("stable",))
    assert model.labels == COLOURS
    assert model.image == colour_manifest().image
    assert model.provenance == colour_manifest().provenance
    assert model.calibration == colour_manifest().calibration
    assert model.metrics == {"accuracy": 0.9}
    with pytest.raises(ModelNotFoundError):
        client.model("nope")


async def test_tasks_are_told_the_same(url: str, client: Client) -> None:
    async with AsyncClient(url) as tasks:
        assert await tasks.is_ready()
        assert await tasks.models() == client.models()
        assert await tasks.model("toy") == client.model("toy")
        explanation = await tasks.explain(PICTURES[2])
        assert explanation.overlay == client.explain(PICTURES[2]).overlay
        assert (await tasks.embed(PICTURES[2])).vector.tolist() == client.embed(PICTURES[2]).vector.tolist()


def test_a_key_opens_a_gateway_that_asks_for_one(model_server: FakeModelServer, tmp_path: Path) -> None:
    key = add_key(tmp_path / "keys.toml", "alice", Allowance())

    with ready_gateway(model_server, keys_file=tmp_path / "keys.toml") as url:
        for credential in ({"api_key": key}, {"bearer_token": key}):
            with Client(url, **credential) as client:
                assert client.predict(PICTURES[0]).label == "red"
        with Client(url) as stranger, pytest.raises(UnauthenticatedError):
            stranger.predict(PICTURES[0])


def test_a_caller_that_asks_too_often_is_slowed_down(model_server: FakeModelServer, tmp_path: Path) -> None:
    allowance = Allowance(requests_per_second=4, burst=2)
    key = add_key(tmp_path / "keys.toml", "alice", allowance)

    keys_file = tmp_path / "keys.toml"
    with ready_gateway(model_server, keys_file=keys_file) as url, Client(url, api_key=key) as client:
        started = time.monotonic()
        labels = [client.predict(PICTURES[0]).label for _ in range(4)]

    assert labels == ["red"] * 4
    assert time.monotonic() - started >= 1  # Retry-After is in whole seconds


def test_a_model_server_that_comes_back_is_waited_for() -> None:
    server = FakeModelServer({"toy": {1: FakeVersion(colour_manifest(), network=probabilities)}})

    def come_back() -> None:
        server.predict_error = None

    with ready_gateway(server) as url, Client(url) as client, Client(url, retries=ONCE) as hasty:
        server.predict_error = Away("gone")
        with pytest.raises(ModelServerAwayError) as error:
            hasty.predict(PICTURES[0])
        back = threading.Timer(0.3, come_back)
        back.start()
        answer = client.predict(PICTURES[0])
        back.join()

    assert error.value.retry_after_seconds == 1
    assert answer.label == "red"


def test_a_stopped_row_does_not_wait_for_all_its_attempts() -> None:
    server = FakeModelServer({"toy": {1: FakeVersion(colour_manifest(), network=probabilities)}})

    with ready_gateway(server) as url, Client(url, retries=Retries(attempts=100)) as client:
        outcomes = client.predict_many(itertools.cycle(PICTURES), concurrency=2, images_per_request=1)
        assert next(outcomes).label == "red"
        server.predict_error = Away("gone")
        started = time.monotonic()
        outcomes.close()

    assert time.monotonic() - started < 15  # and not its timeout's 30


def test_nothing_is_ready_where_nothing_listens() -> None:
    with Client("http://127.0.0.1:9") as client:
        assert not client.is_ready()
