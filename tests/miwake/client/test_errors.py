"""What the gateway refuses, as exceptions."""

from __future__ import annotations

import pickle

import httpx
import pytest

from contract import errors as contract_errors
from contract.errors import MiwakeError
from miwake.client.errors import (
    ERROR_BY_CODE,
    GatewayError,
    ImageError,
    UnavailableError,
    UnexpectedAnswerError,
)
from serving.http.problems import STATUS_BY_CODE
from tests.miwake.client.scripted import ANSWER, Ask, Gateway, answered, problem


def test_every_code_of_the_gateway_has_a_class_of_its_own() -> None:
    assert set(ERROR_BY_CODE) == set(STATUS_BY_CODE)
    assert len(set(ERROR_BY_CODE.values())) == len(ERROR_BY_CODE)
    for code, error in ERROR_BY_CODE.items():
        assert error.code == code


def test_what_the_gateway_asks_to_come_back_for_is_what_is_tried_again() -> None:
    later = {code for code, status in STATUS_BY_CODE.items() if status in {429, 503}}

    assert {code for code, error in ERROR_BY_CODE.items() if issubclass(error, UnavailableError)} == later


@pytest.mark.parametrize("code", sorted(STATUS_BY_CODE))
def test_a_code_is_raised_as_its_class_with_all_that_is_known(ask: Ask, code: str) -> None:
    status = STATUS_BY_CODE[code]

    with pytest.raises(ERROR_BY_CODE[code], match=f"^because of {code}$") as error:
        ask(Gateway(problem(status, code, retry_after="60")))

    raised = error.value
    assert (raised.code, raised.status, raised.detail) == (code, status, f"because of {code}")
    assert (raised.request_id, raised.retry_after_seconds) == ("gateways-own", 60)


def test_the_contracts_own_classes_take_them_too() -> None:
    for code, own in {
        "unsupported_format": contract_errors.UnsupportedFormatError,
        "image_undecodable": contract_errors.ImageUndecodableError,
        "too_many_pixels": contract_errors.TooManyPixelsError,
        "contract_broken": contract_errors.ContractBrokenError,
        "url_refused": contract_errors.ImageError,
        "overloaded": MiwakeError,
    }.items():
        assert issubclass(ERROR_BY_CODE[code], own)


def test_a_code_of_a_newer_gateway_is_passed_on(ask: Ask) -> None:
    with pytest.raises(GatewayError) as error:
        ask(Gateway(problem(418, "teapot")))

    assert (type(error.value), error.value.code, error.value.status) == (GatewayError, "teapot", 418)


def test_a_new_code_of_an_image_is_still_an_images(ask: Ask) -> None:
    refusal = {"name": None, "error": {"code": "too_blurred", "detail": "blurred"}}

    with pytest.raises(ImageError, match="blurred") as error:
        ask(Gateway(problem(422, "too_blurred", errors=[refusal])))

    assert (error.value.code, error.value.status) == ("too_blurred", 422)


def test_errors_travel_between_processes() -> None:
    for error in [GatewayError, *ERROR_BY_CODE.values()]:
        raised = error("why", status=418, request_id="a", retry_after_seconds=2.0, name="rose.jpg")

        arrived = pickle.loads(pickle.dumps(raised))  # noqa: S301 - our own

        assert (type(arrived), str(arrived), vars(arrived)) == (error, "why", vars(raised))


@pytest.mark.parametrize("status", [200, 204, 404, 500])
@pytest.mark.parametrize("body", [b"<html>hello</html>", b"[]", b"{}", b"", b"\xff"])
def test_what_is_no_gateway_is_said_so(ask: Ask, status: int, body: bytes) -> None:
    with pytest.raises(UnexpectedAnswerError, match="http://gateway/predict"):
        ask(Gateway(httpx.Response(status, content=body)))


@pytest.mark.parametrize(
    "changed",
    [
        {"predictions": None},
        {"predictions": []},
        {"predictions": ANSWER["predictions"] * 2},
        {"predictions": [{"label": "cat"}]},
        {"predictions": ["cat"]},
        {"version": "1"},
        {"version": True},
        {"model": None},
        {"errors": [1]},
        {"errors": []},
    ],
    ids=str,
)
def test_an_answer_that_lacks_something_is_none(ask: Ask, changed: dict[str, object]) -> None:
    with pytest.raises(UnexpectedAnswerError, match="http://gateway/predict"):
        ask(Gateway(answered(ANSWER | changed)))


def test_what_a_newer_gateway_says_beyond_that_is_passed_over(ask: Ask) -> None:
    assert ask(Gateway(answered(ANSWER | {"mood": "good"}))).label == "cat"
