"""What is sent for each call, and what is made of the answer."""

from __future__ import annotations

import base64
from typing import Any

import httpx
import numpy as np
import pytest

from miwake.client import Candidate, Prediction, Retries
from miwake.client.errors import (
    BodyTooLargeError,
    InvalidParameterError,
    ModelNotFoundError,
    OverloadedError,
    UnexpectedAnswerError,
    UnsupportedFormatError,
)
from tests.miwake.client.scripted import ANSWER, Ask, Gateway, answered, problem

ORIGIN = {"model": "toy", "version": 3, "request_id": "gateways-own"}
MODEL = {"name": "toy", "default": True, "ready": True, "detail": "", "latest": 3, "versions": []}
REFUSED = {"name": None, "error": {"code": "unsupported_format", "detail": "not an image"}}


def predicted(*labels: str | None) -> httpx.Response:
    """An answer; None is an image that was refused."""
    items = [
        {"name": None, "label": label, "probability": 0.7, "top": [{"label": label, "probability": 0.7}]}
        if label
        else REFUSED
        for label in labels
    ]
    return answered(ORIGIN | {"predictions": items})


def images_in(request: httpx.Request) -> int:
    return request.content.count(b'; name="image"')


def test_a_prediction_is_typed_and_keeps_its_name(ask: Ask) -> None:
    gateway = Gateway(answered())

    prediction = ask(gateway, lambda client: client.predict(b"image", name="rose.jpg", top_k=1))

    assert prediction == Prediction(
        label="cat",
        probability=0.7,
        top=(Candidate("cat", 0.7),),
        model="toy",
        version=1,
        request_id="gateways-own",
        name="rose.jpg",
    )
    (request,) = gateway.requests
    assert (request.method, request.url.raw_path) == ("POST", b"/predict?top_k=1")
    assert (request.content, request.headers["content-type"]) == (b"image", "application/octet-stream")


@pytest.mark.parametrize(
    ("arguments", "raw_path"),
    [
        ({"model": "toy"}, b"/models/toy/predict?top_k=5"),
        ({"model": "a b/c"}, b"/models/a%20b%2Fc/predict?top_k=5"),
        ({"version": 0}, b"/predict?version=0&top_k=5"),
        ({"version": "stable"}, b"/predict?version_label=stable&top_k=5"),
    ],
)
def test_the_model_and_version_asked_for_are_asked(ask: Ask, arguments: Any, raw_path: bytes) -> None:
    gateway = Gateway(answered())

    ask(gateway, lambda client: client.predict(b"image", **arguments))

    assert gateway.requests[0].url.raw_path == raw_path


def test_a_gateway_may_lie_below_a_path(ask: Ask) -> None:
    gateway = Gateway(answered())

    ask(gateway, url="https://example.com/flowers/")

    assert str(gateway.requests[0].url) == "https://example.com/flowers/predict?top_k=5"


def test_a_client_may_have_a_model_of_its_own(ask: Ask) -> None:
    gateway = Gateway(answered())

    ask(gateway, model="toy")
    ask(gateway, lambda client: client.predict(b"image", model="other"), model="toy")

    assert [request.url.path for request in gateway.requests] == [
        "/models/toy/predict",
        "/models/other/predict",
    ]


def test_a_request_id_that_the_gateway_would_replace_is_refused(ask: Ask) -> None:
    gateway = Gateway(answered())

    for wrong in ("", "a b", "ä", "a\r\nX-Other: b", "a" * 129):
        with pytest.raises(InvalidParameterError, match="request_id"):
            ask(gateway, lambda client, wrong=wrong: client.predict(b"image", request_id=wrong))

    assert gateway.requests == []


def test_a_batch_is_one_request_and_a_bad_image_fails_alone(ask: Ask) -> None:
    gateway = Gateway(predicted("cat", None, "owl"))

    first, second, third, fourth = ask(
        gateway, lambda client: client.predict_batch([("a", b"1"), b"", b"2", ("d", b"3")])
    )

    assert (first.label, first.name, fourth.label, fourth.name) == ("cat", "a", "owl", "d")
    assert isinstance(second, UnsupportedFormatError)
    assert "empty" in str(second)
    assert isinstance(third, UnsupportedFormatError)
    assert (str(third), third.status, third.request_id) == ("not an image", None, "gateways-own")
    assert [images_in(request) for request in gateway.requests] == [3]


def test_a_batch_of_bad_images_is_answered_too(ask: Ask) -> None:
    other = {"name": None, "error": {"code": "image_undecodable", "detail": "damaged"}}
    gateway = Gateway(problem(415, "unsupported_format", errors=[REFUSED, other]))

    outcomes = ask(gateway, lambda client: client.predict_batch([b"1", ("b", b"2")]))

    assert [(outcome.code, outcome.status) for outcome in outcomes] == [
        ("unsupported_format", 415),
        ("image_undecodable", None),
    ]
    assert outcomes[1].name == "b"


def test_a_batch_of_what_was_never_sent_asks_nobody(ask: Ask) -> None:
    gateway = Gateway(answered())

    assert ask(gateway, lambda client: client.predict_batch([])) == []
    (outcome,) = ask(gateway, lambda client: client.predict_batch([b""]))

    assert isinstance(outcome, UnsupportedFormatError)
    assert gateway.requests == []


def test_too_many_for_one_request_become_several(ask: Ask) -> None:
    too_large = problem(413, "body_too_large")
    gateway = Gateway(too_large, predicted("cat", "owl"), too_large, predicted("dog"), too_large)

    outcomes = ask(gateway, lambda client: client.predict_batch([b"1", b"2", b"3", ("d", b"4")]))

    assert [getattr(outcome, "label", None) for outcome in outcomes] == ["cat", "owl", "dog", None]
    assert isinstance(outcomes[3], BodyTooLargeError)
    assert outcomes[3].name == "d"
    assert [images_in(request) or 1 for request in gateway.requests] == [4, 2, 2, 1, 1]


def test_an_answer_for_another_number_of_images_is_none(ask: Ask) -> None:
    with pytest.raises(UnexpectedAnswerError, match="1 answers for 2 images"):
        ask(Gateway(answered()), lambda client: client.predict_batch([b"1", b"2"]))


def test_an_explanation_is_a_picture_or_numbers(ask: Ask) -> None:
    item = {"name": None, "label": "owl", "probability": 0.2, "overlay": None, "heatmap": None}
    overlay = item | {"overlay": base64.b64encode(b"png").decode()}
    numbers = item | {"heatmap": [[0, 0.5], [1, 0.25]]}
    gateway = Gateway(
        answered(ORIGIN | {"explanations": [overlay]}), answered(ORIGIN | {"explanations": [numbers]})
    )

    picture = ask(gateway, lambda client: client.explain(b"image", model="toy", label="owl", name="a"))
    heat = ask(gateway, lambda client: client.explain(b"image", model="toy", version=3, form="numbers"))

    assert (picture.label, picture.probability, picture.version, picture.name) == ("owl", 0.2, 3, "a")
    assert (picture.overlay, picture.heatmap, heat.overlay) == (b"png", None, None)
    assert heat.heatmap.dtype == np.float32
    assert heat.heatmap.tolist() == [[0, 0.5], [1, 0.25]]
    assert [request.url.raw_path for request in gateway.requests] == [
        b"/models/toy/explain?form=overlay&label=owl",
        b"/models/toy/explain?version=3&form=numbers",
    ]


@pytest.mark.parametrize(
    "wrong", [{"overlay": "not base64!"}, {"heatmap": [[0], [1, 2]]}, {"heatmap": [1]}, {"heatmap": [["a"]]}]
)
def test_an_explanation_that_is_none_is_said_so(ask: Ask, wrong: dict[str, object]) -> None:
    item = {"name": None, "label": "owl", "probability": 0.2} | wrong

    with pytest.raises(UnexpectedAnswerError, match="/models/toy/explain"):
        ask(
            Gateway(answered(ORIGIN | {"explanations": [item]})),
            lambda client: client.explain(b"image", model="toy"),
        )


def test_an_embedding_is_an_array(ask: Ask) -> None:
    gateway = Gateway(answered(ORIGIN | {"embeddings": [{"name": None, "embedding": [0.6, 0.8]}]}))

    embedding = ask(gateway, lambda client: client.embed(b"image", model="toy", name="a"))

    assert embedding.vector.dtype == np.float32
    assert embedding.vector.tolist() == [np.float32(0.6), np.float32(0.8)]
    assert (embedding.model, embedding.version, embedding.name) == ("toy", 3, "a")


def test_a_bad_image_is_raised_where_one_was_asked(ask: Ask) -> None:
    for call in ("predict", "explain", "embed"):
        gateway = Gateway(problem(415, "unsupported_format", errors=[REFUSED]))
        with pytest.raises(UnsupportedFormatError, match="not an image") as error:
            ask(gateway, lambda client, call=call: getattr(client, call)(b"image", model="toy", name="a"))

        assert (error.value.name, error.value.status, len(gateway.requests)) == ("a", 415, 1)


def test_what_needs_a_models_name_asks_for_it(ask: Ask) -> None:
    other = MODEL | {"name": "other", "default": False}
    gateway = Gateway(
        answered({"models": [other, MODEL]}),
        answered(ORIGIN | {"embeddings": [{"name": None, "embedding": [1]}]}),
    )

    ask(gateway, lambda client: client.embed(b"image"), timeout_seconds=10)

    assert [request.url.path for request in gateway.requests] == ["/models", "/models/toy/embed"]


def test_a_caller_without_the_default_model_must_name_one(ask: Ask) -> None:
    gateway = Gateway(answered({"models": [MODEL | {"default": False}]}))

    with pytest.raises(ModelNotFoundError, match="name one"):
        ask(gateway, lambda client: client.embed(b"image"))


def test_both_questions_keep_to_one_timeout(ask: Ask) -> None:
    gateway = Gateway(answered({"models": [MODEL]}), problem(503, "overloaded"), seconds=4)

    with pytest.raises(OverloadedError):
        ask(gateway, lambda client: client.embed(b"image"), timeout_seconds=10, retries=Retries(attempts=1))

    assert [request.extensions["timeout"]["read"] for request in gateway.requests] == [10, 6]


def test_models_of_a_gateway_that_waits_for_them(ask: Ask) -> None:
    waiting = MODEL | {"ready": False, "detail": "the model server is away", "latest": None}
    gateway = Gateway(answered({"models": [waiting]}), answered(waiting | {"labels": None, "image": None}))

    (model,) = ask(gateway, lambda client: client.models())
    details = ask(gateway, lambda client: client.model("toy"))

    assert (model.ready, model.detail, model.latest) == (False, "the model server is away", None)
    assert (details.labels, details.image, details.metrics, details.provenance) == (None, None, None, None)


def test_a_model_of_an_impossible_image_is_none(ask: Ask) -> None:
    image = {"height": 0, "width": 8, "fit": "stretch", "fill": [0, 0, 0], "filter": "bilinear"}

    with pytest.raises(UnexpectedAnswerError, match="/models/toy"):
        ask(Gateway(answered(MODEL | {"image": image})), lambda client: client.model("toy"))


def test_the_scripted_answer_is_what_a_gateway_says() -> None:
    from serving.schemas import PredictAnswer

    PredictAnswer.model_validate(ANSWER)
