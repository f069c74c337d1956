"""When a call is tried again, after how long, and when it is given up."""

from __future__ import annotations

import itertools
import ssl
import threading
import time

import httpx
import pytest

from miwake import Client
from miwake.client import Retries, UnavailableError
from miwake.client.errors import (
    DeadlineExceededError,
    GatewayError,
    OverloadedError,
    RateLimitedError,
    UnreachableError,
)
from tests.miwake.client.scripted import Ask, Gateway, answered, problem

REFUSED = httpx.ConnectError("Connection refused")


@pytest.mark.parametrize(
    "failure",
    [
        problem(503, "overloaded"),
        problem(503, "model_server_away"),
        problem(429, "rate_limited"),
        httpx.Response(503, html="<html>busy</html>"),  # a proxy's
        REFUSED,
        httpx.ReadError("Connection reset by peer"),
        httpx.RemoteProtocolError("Server disconnected without sending a response."),
        httpx.ConnectTimeout("timed out"),
    ],
    ids=repr,
)
def test_what_may_succeed_later_is_tried_again(ask: Ask, failure: httpx.Response | Exception) -> None:
    gateway = Gateway(failure, answered())

    assert ask(gateway).label == "cat"
    assert len(gateway.requests) == 2


@pytest.mark.parametrize(
    "failure",
    [
        problem(502, "contract_broken"),
        problem(504, "deadline_exceeded"),
        problem(500, "internal"),
        problem(401, "unauthenticated"),
        problem(404, "model_not_found"),
        problem(422, "invalid_parameter"),
        httpx.Response(502, html="<html>bad gateway</html>"),
        httpx.Response(504, html="<html>gateway timeout</html>"),
        httpx.Response(307, headers={"location": "http://elsewhere"}),
        httpx.ReadTimeout("timed out"),
        httpx.UnsupportedProtocol("no such protocol"),
    ],
    ids=repr,
)
def test_nothing_else_is(ask: Ask, failure: httpx.Response | Exception) -> None:
    gateway = Gateway(failure, answered())

    with pytest.raises(GatewayError):
        ask(gateway)

    assert (len(gateway.requests), gateway.pauses) == (1, [])


def test_pauses_double_up_to_a_limit(ask: Ask) -> None:
    gateway = Gateway(REFUSED)

    with pytest.raises(UnreachableError, match="http://gateway: Connection refused"):
        ask(gateway, retries=Retries(attempts=6, first_seconds=1, most_seconds=5, jitter=lambda: 1.0))

    assert gateway.pauses == [1, 2, 4, 5, 5]


def test_jitter_takes_up_to_half_of_a_pause(ask: Ask) -> None:
    gateway = Gateway(REFUSED)

    with pytest.raises(UnreachableError):
        ask(gateway, retries=Retries(attempts=3, first_seconds=1, jitter=lambda: 0.0))

    assert gateway.pauses == [0.5, 1]


def test_retry_after_is_the_least_that_is_waited(ask: Ask) -> None:
    gateway = Gateway(problem(503, "overloaded", retry_after="7"), answered())

    ask(gateway, retries=Retries(first_seconds=1, jitter=lambda: 0.0))

    assert gateway.pauses == [7]


def test_clients_refused_together_do_not_come_back_together(ask: Ask) -> None:
    pauses = []
    for jitter in (0.0, 0.5, 1.0):
        gateway = Gateway(problem(429, "rate_limited", retry_after="7"), answered())
        ask(gateway, retries=Retries(first_seconds=1, jitter=lambda jitter=jitter: jitter))
        pauses += gateway.pauses

    assert pauses == [7, 7.25, 7.5]


@pytest.mark.parametrize("retry_after", ["", "soon", "-3", "Wed, 21 Oct 2026 07:28:00 GMT"])
def test_a_retry_after_that_does_not_say_counts_as_none(ask: Ask, retry_after: str) -> None:
    gateway = Gateway(problem(503, "overloaded", retry_after=retry_after), answered())

    ask(gateway)

    assert gateway.pauses == [1]


@pytest.mark.parametrize(("then", "pause"), [("07:28:09", 9), ("07:28:00", 0), ("07:27:00", 0)])
def test_a_retry_after_that_is_a_date_counts_from_the_answers_own(ask: Ask, then: str, pause: float) -> None:
    refused = problem(503, "overloaded", retry_after=f"Wed, 21 Oct 2026 {then} GMT")
    refused.headers["Date"] = "Wed, 21 Oct 2026 07:28:00 GMT"
    gateway = Gateway(refused, answered())

    ask(gateway, retries=Retries(jitter=lambda: 0.0))

    assert sum(gateway.pauses) == pause


def test_there_is_no_waiting_for_what_would_come_too_late(ask: Ask) -> None:
    gateway = Gateway(problem(429, "rate_limited", retry_after="30"))

    with pytest.raises(RateLimitedError) as error:
        ask(gateway, timeout_seconds=20)

    assert error.value.retry_after_seconds == 30
    assert (len(gateway.requests), gateway.pauses) == (1, [])


def test_attempts_and_pauses_together_keep_to_the_timeout(ask: Ask) -> None:
    gateway = Gateway(REFUSED, seconds=0)
    started = gateway.clock()

    with pytest.raises(UnreachableError):
        ask(gateway, timeout_seconds=10, retries=Retries(attempts=100, first_seconds=1, jitter=lambda: 1.0))

    assert gateway.pauses == [1, 2, 4]  # another would end after 12 seconds
    assert gateway.clock() - started <= 10


def test_an_attempt_gets_what_the_others_left(ask: Ask) -> None:
    gateway = Gateway(problem(503, "overloaded"), problem(503, "overloaded"), answered())

    ask(gateway, timeout_seconds=10)

    told = [float(request.headers["x-request-timeout"]) for request in gateway.requests]
    assert told == [9.5, 8.55, 6.65]  # of 10, 9 and 7 seconds
    assert [request.extensions["timeout"]["read"] for request in gateway.requests] == [10, 9, 7]
    assert [request.extensions["timeout"]["connect"] for request in gateway.requests] == [5, 5, 5]


def test_one_attempt_may_be_all(ask: Ask) -> None:
    gateway = Gateway(problem(503, "overloaded"), answered())

    with pytest.raises(OverloadedError):
        ask(gateway, retries=Retries(attempts=1))


def test_all_attempts_send_the_same_under_one_id(ask: Ask) -> None:
    gateway = Gateway(REFUSED, REFUSED, answered())

    ask(gateway, use=lambda client: client.predict(b"image", model="toy", version=3, request_id="mine"))

    assert {request.headers["x-request-id"] for request in gateway.requests} == {"mine"}
    assert {str(request.url) for request in gateway.requests} == {
        "http://gateway/models/toy/predict?version=3&top_k=5"
    }
    assert {request.content for request in gateway.requests} == {b"image"}


def test_what_is_left_of_the_last_attempt_is_raised(ask: Ask) -> None:
    gateway = Gateway(REFUSED, problem(503, "model_server_away"))

    with pytest.raises(UnavailableError, match="because of model_server_away") as error:
        ask(gateway)

    assert (error.value.status, error.value.code) == (503, "model_server_away")


def test_an_answer_too_late_is_as_the_gateways_own_deadline(ask: Ask) -> None:
    with pytest.raises(DeadlineExceededError, match="http://gateway: no answer in time") as error:
        ask(Gateway(httpx.ReadTimeout("timed out")))

    assert (error.value.code, error.value.status) == ("deadline_exceeded", None)


def test_a_certificate_that_is_not_trusted_will_not_be_later(ask: Ask) -> None:
    distrust = httpx.ConnectError("certificate verify failed")
    distrust.__cause__ = ssl.SSLCertVerificationError("certificate verify failed")
    gateway = Gateway(distrust)

    with pytest.raises(UnreachableError, match="certificate verify failed"):
        ask(gateway)

    assert len(gateway.requests) == 1


def test_readiness_is_asked_once(ask: Ask) -> None:
    for gateway, ready in (
        (Gateway(httpx.Response(200, json={"status": "ok"})), True),
        (Gateway(httpx.Response(503, json={"status": "unavailable", "detail": "away"})), False),
        (Gateway(httpx.Response(404)), False),
        (Gateway(REFUSED), False),
    ):
        assert ask(gateway, use=lambda client: client.is_ready()) is ready
        assert [request.url.path for request in gateway.requests] == ["/readyz"]


def test_who_leaves_early_waits_for_no_pause_and_causes_no_further_request() -> None:
    left, asked_after = threading.Event(), []
    numbers = itertools.count()

    def refuse_all_but_the_first(_request: httpx.Request) -> httpx.Response:
        if left.is_set():
            asked_after.append(1)
        if next(numbers) == 0:
            time.sleep(0.2)  # the second one is refused meanwhile
            return answered()
        return problem(503, "overloaded", retry_after="20")

    with Client("http://gateway", transport=httpx.MockTransport(refuse_all_but_the_first)) as client:
        outcomes = client.predict_many([b"image"] * 20, concurrency=2, images_per_request=1)
        next(outcomes)
        time.sleep(0.2)  # the third one too
        left.set()
        started = time.monotonic()
        outcomes.close()

    assert time.monotonic() - started < 5
    assert not asked_after


@pytest.mark.parametrize("wrong", [{"attempts": 0}, {"first_seconds": -1}, {"most_seconds": -1}])
def test_a_policy_that_is_none_is_refused(wrong: dict[str, int]) -> None:
    with pytest.raises(ValueError, match="at least 1"):
        Retries(**wrong)
