"""A gateway as the target, by the client over a scripted transport."""

from __future__ import annotations

import io
from typing import Any

import httpx
import numpy as np
import pytest
from PIL import Image

from contract.errors import ContractBrokenError, ImageError
from miwake.client import AsyncClient
from miwake.client.errors import (
    ForbiddenError,
    GatewayError,
    InvalidParameterError,
    ModelNotFoundError,
    UnexpectedAnswerError,
)
from miwake.client.retries import Retries
from modelserver.errors import (
    DeadlineExceededError,
    ModelServerAwayError,
    ModelServerFaultError,
    OverloadedError,
    VersionNotFoundError,
)
from scoring.row import Extras
from scoring.targets.gateway import GatewayBackend
from scoring.targets.target import Answer, Wanted

Outcome = httpx.Response | Exception


class Gateway:
    """Serves `toy` version 3, and answers each photograph by its bytes; every knob is an attribute."""

    def __init__(self) -> None:
        self.details: dict[str, Any] = {"version": 3, "labels": ["rose", "tulip"], "unknown_threshold": 0.25}
        self.is_default = True
        self.answered_by = 3
        self.outcome: Outcome | None = None  # of every request about an image
        self.asked: list[httpx.Request] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        if request.url.path == "/models":
            return httpx.Response(200, json={"models": [self._summary()]})
        if request.method == "GET":
            if request.url.params.get("version", "3") != "3":
                return problem(404, "version_not_found")
            return httpx.Response(200, json=self._summary() | self.details)
        self.asked.append(request)
        if isinstance(self.outcome, Exception):
            raise self.outcome
        return self.outcome or httpx.Response(200, json=self._answer(request))

    def _summary(self) -> dict[str, Any]:
        detail = "" if self.details.get("version") else "loading"
        return {
            "name": "toy",
            "default": self.is_default,
            "ready": True,
            "detail": detail,
            "versions": [],
        }

    def _answer(self, request: httpx.Request) -> dict[str, Any]:
        label = request.content.decode()
        top = [{"label": label, "probability": 0.75}, {"label": "tulip", "probability": 0.25}]
        items = {
            "predict": {"predictions": [{"label": label, "probability": 0.75, "top": top}]},
            "embed": {"embeddings": [{"embedding": [0.6, 0.8]}]},
            "explain": {
                "explanations": [{"label": label, "probability": 0.75, "heatmap": [[0.0, 1.0], [0.5, 0.0]]}]
            },
        }
        verb = request.url.path.rpartition("/")[2]
        return {"model": "toy", "version": self.answered_by, "request_id": "r", **items[verb]}


def problem(status: int, code: str, **headers: str) -> httpx.Response:
    return httpx.Response(status, json={"code": code, "detail": f"{code}!"}, headers=headers)


@pytest.fixture
def gateway():
    return Gateway()


def _backend(gateway: Gateway, *, model: str | None = None, extras: Extras | None = None) -> GatewayBackend:
    client = AsyncClient(
        "http://gateway", transport=httpx.MockTransport(gateway), retries=Retries(attempts=1)
    )
    return GatewayBackend(client, model, wanted=Wanted(top_k=2, extras=extras or Extras(), max_pixels=1))


async def _ask(gateway: Gateway, data: bytes = b"rose", **options: Any) -> Answer | ImageError:
    backend = _backend(gateway, **options)
    await backend.choose(None)
    [answer] = await backend.ask([backend.prepare(data)])
    return answer


async def test_the_gateways_default_model_and_newest_version_are_chosen(gateway):
    pinned = await _backend(gateway).choose(None)

    assert (pinned.model, pinned.version, len(pinned.sha256)) == ("toy", 3, 64)


async def test_a_caller_that_may_not_use_the_default_model_is_told_to_name_one(gateway):
    gateway.is_default = False

    with pytest.raises(ModelNotFoundError, match="--model"):
        await _backend(gateway).choose(None)
    assert (await _backend(gateway, model="toy").choose(None)).version == 3


async def test_a_version_that_the_gateway_does_not_have_is_said_so(gateway):
    with pytest.raises(VersionNotFoundError, match="version_not_found!"):
        await _backend(gateway).choose(9)


async def test_a_model_without_a_version_that_answers_is_waited_for(gateway):
    gateway.details = {}

    with pytest.raises(ModelServerAwayError, match="no version of toy to answer with: loading"):
        await _backend(gateway).choose(None)


async def test_the_digest_is_of_what_the_gateway_says_of_the_version_and_not_of_its_state(gateway):
    digests = [(await _backend(gateway).choose(None)).sha256]
    gateway.is_default = False
    digests.append((await _backend(gateway, model="toy").choose(None)).sha256)
    gateway.details["labels"] = ["tulip", "rose"]
    digests.append((await _backend(gateway, model="toy").choose(None)).sha256)

    assert digests[0] == digests[1] != digests[2]


async def test_a_photograph_is_sent_as_it_is_to_the_pinned_version(gateway):
    answer = await _ask(gateway, b"rose")

    [request] = gateway.asked
    assert request.content == b"rose"
    assert (request.url.path, dict(request.url.params)) == (
        "/models/toy/predict",
        {"version": "3", "top_k": "2"},
    )
    assert isinstance(answer, Answer)
    assert (answer.prediction.label, answer.prediction.probability) == ("rose", 0.75)
    assert [candidate.label for candidate in answer.prediction.top] == ["rose", "tulip"]


async def test_vectors_and_heat_maps_come_along_where_asked_for_from_the_same_version(gateway):
    answer = await _ask(gateway, extras=Extras(embedding=True, heatmap=True))

    assert isinstance(answer, Answer)
    assert answer.embedding is not None
    np.testing.assert_allclose(answer.embedding, [0.6, 0.8])
    with Image.open(io.BytesIO(answer.heatmap or b"")) as heatmap:
        assert np.asarray(heatmap).tolist() == [[0, 255], [128, 0]]
    assert [request.url.params["version"] for request in gateway.asked] == ["3"] * 3
    assert gateway.asked[2].url.params["label"] == "rose"


@pytest.mark.parametrize(
    ("status", "code"),
    [
        (415, "unsupported_format"),
        (422, "image_undecodable"),
        (413, "too_many_pixels"),
        (413, "body_too_large"),
    ],
)
async def test_a_refused_photograph_is_an_answer_with_the_gateways_code(gateway, status, code):
    gateway.outcome = problem(status, code)

    answer = await _ask(gateway)

    assert isinstance(answer, ImageError)
    assert answer.code == code


async def test_an_empty_file_is_refused_and_ends_no_run(gateway):
    answer = await _ask(gateway, b"")

    assert isinstance(answer, ImageError)
    assert (answer.code, gateway.asked) == ("unsupported_format", [])


@pytest.mark.parametrize("code", ["overloaded", "rate_limited"])
async def test_a_busy_gateway_says_when_to_come_back(gateway, code):
    gateway.outcome = problem(429 if code == "rate_limited" else 503, code, **{"Retry-After": "7"})

    with pytest.raises(OverloadedError) as caught:
        await _ask(gateway)

    assert caught.value.retry_after_seconds == 7


@pytest.mark.parametrize(
    "outcome",
    [
        problem(503, "model_server_away", **{"Retry-After": "1"}),
        httpx.ConnectError("refused"),
        httpx.ReadError("reset"),
        httpx.RemoteProtocolError("hung up"),
        httpx.Response(502, text="<html>nginx"),
        httpx.Response(503, text="<html>nginx"),
        httpx.Response(504, text="<html>nginx"),
    ],
)
async def test_a_gateway_or_model_server_that_is_away_is_another_connection(gateway, outcome):
    backend = _backend(gateway)
    await backend.choose(None)
    gateway.outcome = outcome

    with pytest.raises(ModelServerAwayError):
        await backend.ask([b"rose"])

    assert backend.connection == 1


@pytest.mark.parametrize(
    ("outcome", "error"),
    [
        (problem(504, "deadline_exceeded"), DeadlineExceededError),
        (httpx.ReadTimeout("late"), DeadlineExceededError),
        (problem(500, "internal"), ModelServerFaultError),
        (problem(502, "contract_broken"), ModelServerFaultError),
        (problem(404, "version_not_found"), VersionNotFoundError),
    ],
)
async def test_what_the_gateway_says_is_told_in_a_model_servers_words(gateway, outcome, error):
    gateway.outcome = outcome

    with pytest.raises(error):
        await _ask(gateway)


@pytest.mark.parametrize(
    ("outcome", "error"),
    [
        (problem(403, "forbidden"), ForbiddenError),
        (problem(422, "invalid_parameter"), InvalidParameterError),
        (problem(404, "model_not_found"), ModelNotFoundError),
        (problem(400, "of_a_newer_gateway"), GatewayError),
        (httpx.Response(200, text="<html>a hotel's login page"), UnexpectedAnswerError),
    ],
)
async def test_what_waiting_does_not_mend_ends_the_run_as_it_is(gateway, outcome, error):
    gateway.outcome = outcome

    with pytest.raises(error):
        await _ask(gateway)


async def test_an_answer_of_another_version_than_was_asked_for_is_none(gateway):
    gateway.answered_by = 4

    with pytest.raises(ContractBrokenError, match="asked for toy version 3 and answered by 4"):
        await _ask(gateway)
