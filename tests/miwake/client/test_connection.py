"""How a gateway is reached, and what is never told about it."""

from __future__ import annotations

import ssl
import time
import traceback
from pathlib import Path
from typing import Any

import httpx
import pytest

from miwake import AsyncClient, Client
from miwake.client.errors import (
    DeadlineExceededError,
    GatewayError,
    InvalidParameterError,
    UnauthenticatedError,
    UnreachableError,
)
from tests.certificates import Authority
from tests.miwake.client.one_answer import OneAnswer
from tests.miwake.client.scripted import Ask, Gateway, answered, problem

SECRET = "mwk_7Kd93jfhGt2"  # noqa: S105 - of nobody
KINDS = pytest.mark.parametrize("kind", [Client, AsyncClient])


def headers_of(ask: Ask, **options: Any) -> httpx.Headers:
    gateway = Gateway(answered())
    ask(gateway, **options)
    return gateway.requests[0].headers


def test_a_key_or_a_token_goes_with_every_request(ask: Ask) -> None:
    with_key, with_token = headers_of(ask, api_key=SECRET), headers_of(ask, bearer_token=SECRET)

    assert (with_key["x-api-key"], "authorization" in with_key) == (SECRET, False)
    assert (with_token["authorization"], "x-api-key" in with_token) == (f"Bearer {SECRET}", False)


def test_the_gateway_is_told_who_asks(ask: Ask) -> None:
    assert headers_of(ask)["user-agent"].startswith("miwake/")
    assert headers_of(ask, headers={"User-Agent": "shop/7"})["user-agent"] == "shop/7"


def test_headers_of_ones_own_are_sent(ask: Ask) -> None:
    assert headers_of(ask, headers={"X-Routing-Key": "alice"})["x-routing-key"] == "alice"


def test_every_request_has_an_id(ask: Ask) -> None:
    first, second = headers_of(ask)["x-request-id"], headers_of(ask)["x-request-id"]

    assert len(first) == 32
    assert first != second


def test_an_error_without_an_answer_bears_the_id_that_was_sent(ask: Ask) -> None:
    gateway = Gateway(httpx.ReadTimeout("timed out"))

    with pytest.raises(DeadlineExceededError) as error:
        ask(gateway)

    assert error.value.request_id == gateway.requests[0].headers["x-request-id"]


@KINDS
def test_a_key_and_a_token_exclude_each_other(kind: Any) -> None:
    with pytest.raises(ValueError, match="not both"):
        kind("http://gateway", api_key=SECRET, bearer_token=SECRET)


@KINDS
@pytest.mark.parametrize("wrong", ["", f"{SECRET}\n", f"{SECRET} {SECRET}", f"{SECRET}ä"])
@pytest.mark.parametrize("argument", ["api_key", "bearer_token"])
def test_what_cannot_be_a_key_is_refused_and_not_repeated(kind: Any, argument: str, wrong: str) -> None:
    with pytest.raises(UnauthenticatedError) as error:
        kind("http://gateway", **{argument: wrong})

    assert SECRET not in "".join(traceback.format_exception(error.value))


@KINDS
@pytest.mark.parametrize("headers", [{"X-A": f"{SECRET}\r\nX-B: c"}, {"X-A": f"{SECRET}ä"}, {"X A": SECRET}])
def test_what_cannot_be_a_header_is_refused_and_not_repeated(kind: Any, headers: dict[str, str]) -> None:
    with pytest.raises(InvalidParameterError) as error:
        kind("http://gateway", headers=headers)

    assert SECRET not in "".join(traceback.format_exception(error.value))


@pytest.mark.parametrize(
    "answer", [problem(401, "unauthenticated"), httpx.ConnectError("refused"), httpx.Response(404)], ids=repr
)
def test_no_error_shows_a_secret(ask: Ask, answer: Any) -> None:
    url = f"http://user:{SECRET}@gateway"

    with pytest.raises(GatewayError) as error:
        ask(Gateway(answer), url=url, api_key=SECRET)

    shown = "".join(traceback.format_exception(error.value)) + repr(error.value) + repr(vars(error.value))
    assert SECRET not in shown


@KINDS
def test_no_client_shows_a_secret(kind: Any) -> None:
    client = kind(f"http://user:{SECRET}@gateway", api_key=SECRET)

    assert SECRET not in repr(client) + repr(vars(client))


@KINDS
@pytest.mark.parametrize("url", [f"ftp://user:{SECRET}@gateway", f"http://user:{SECRET}@[::1"])
def test_a_wrong_url_does_not_show_its_password(kind: Any, url: str) -> None:
    with pytest.raises(GatewayError, match="is not a URL") as error:
        kind(url)

    assert SECRET not in str(error.value)


@KINDS
@pytest.mark.parametrize("url", ["http://[::1", "gateway:8000", "ftp://gateway", "/predict", "", "http://"])
def test_what_is_no_url_of_http_is_refused(kind: Any, url: str) -> None:
    with pytest.raises(GatewayError, match="is not a URL"):
        kind(url)


def test_connections_are_kept(server: OneAnswer) -> None:
    with Client(server.url) as client:
        for _ in range(3):
            client.predict(b"image")
        list(client.predict_many([b"image"] * 20, concurrency=2, images_per_request=1))

    assert server.answers == 23
    assert 1 <= server.connections <= 3


async def test_connections_of_tasks_are_kept(server: OneAnswer) -> None:
    async with AsyncClient(server.url) as client:
        async for _ in client.predict_many([b"image"] * 20, concurrency=2, images_per_request=1):
            pass

    assert server.answers == 20
    assert server.connections <= 2


def test_a_connection_that_the_gateway_closed_meanwhile_is_made_anew(server: OneAnswer) -> None:
    server.closes_unasked = True

    with Client(server.url) as client:
        for _ in range(3):
            assert client.predict(b"image").label == "cat"


def test_a_gateway_that_is_not_there_is_named(ask: Ask) -> None:
    with pytest.raises(UnreachableError, match=r"^http://127.0.0.1:9: "):
        ask(Gateway(answered()), url="http://127.0.0.1:9", transport=None)


async def test_a_server_that_dribbles_is_not_waited_for(server: OneAnswer) -> None:
    server.seconds_per_byte = 0.05  # its answer takes 9 seconds
    started = time.monotonic()

    with Client(server.url, timeout_seconds=0.4) as client, pytest.raises(DeadlineExceededError):
        client.predict(b"image")
    async with AsyncClient(server.url, timeout_seconds=0.4) as client:
        with pytest.raises(DeadlineExceededError):
            await client.predict(b"image")

    assert time.monotonic() - started < 6


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path)


@pytest.fixture
def secure(server: OneAnswer, authority: Authority) -> str:
    """Its URL; nobody but who knows the authority trusts it."""
    server.secure(authority.sign("localhost"))
    return server.url


def test_a_certificate_of_an_authority_in_a_file_is_trusted(secure: str, authority: Authority) -> None:
    for verify in (authority.ca.certificate, str(authority.ca.certificate), False):
        with Client(secure, verify=verify) as client:
            assert client.predict(b"image").label == "cat"


async def test_an_ssl_context_decides(secure: str, authority: Authority) -> None:
    context = ssl.create_default_context(cafile=authority.ca.certificate)

    async with AsyncClient(secure, verify=context) as client:
        assert (await client.predict(b"image")).label == "cat"


def test_any_other_certificate_is_refused_at_once(secure: str, server: OneAnswer) -> None:
    with Client(secure) as client, pytest.raises(UnreachableError, match=r"(?i)certificate"):
        client.predict(b"image")

    assert (server.connections, server.answers) == (1, 0)


@KINDS
def test_a_file_of_certificates_that_is_not_there_is_said_at_once(kind: Any, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        kind("https://gateway", verify=tmp_path / "ca.pem")
