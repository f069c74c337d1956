"""What counts as one credential."""

from __future__ import annotations

import pytest
from starlette.datastructures import Headers

from serving.callers.credential import MAX_CREDENTIAL_LENGTH, joined, read_credential
from serving.callers.errors import UnauthenticatedError


@pytest.mark.parametrize(
    "headers",
    [
        {"authorization": "Bearer mwk_a-b_c"},
        {"Authorization": "bearer mwk_a-b_c"},
        {"AUTHORIZATION": "BEARER   mwk_a-b_c "},
        {"X-API-Key": "mwk_a-b_c"},
        {"x-api-key": " mwk_a-b_c "},
    ],
)
def test_a_key_comes_in_either_header_in_any_case(headers: dict[str, str]) -> None:
    credential = read_credential(headers | {"Host": "x", "X-Request-ID": "y"})

    assert (credential.secret, credential.is_token) == ("mwk_a-b_c", False)


def test_a_token_has_three_parts_and_comes_as_bearer_alone() -> None:
    assert read_credential({"authorization": "Bearer a.b.c"}).is_token
    assert not read_credential({"x-api-key": "a.b.c"}).is_token


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"authorization": ""},
        {"authorization": "Bearer"},
        {"authorization": "Bearer "},
        {"authorization": "mwk_a"},
        {"authorization": "Basic dXNlcjpwYXNz"},
        {"authorization": "Bearer a b"},
        {"authorization": "Bearer a, Bearer b"},
        {"authorization": "Bearer =a"},
        {"authorization": "Bearer schl\xfcssel"},
        {"authorization": "Bearer \u0661"},
        {"authorization": "Bearer a\x00"},
        {"authorization": "Bearer a\n"},
        {"authorization": "Bearer " + "\xff" * 8192},
        {"authorization": "Bearer " + "a" * (MAX_CREDENTIAL_LENGTH + 1)},
        {"x-api-key": ""},
        {"x-api-key": "\udcff"},
        {"x-api-key": "a" * 60_000},
        {"authorization": "Bearer a", "x-api-key": "a"},
        {"authorization": "Basic a", "x-api-key": "a"},
        {"Authorization": "Bearer a", "authorization": "Bearer a"},
    ],
)
def test_anything_else_is_none(headers: dict[str, str]) -> None:
    with pytest.raises(UnauthenticatedError):
        read_credential(headers)


@pytest.mark.parametrize("second", [b"Bearer b", b""])
def test_a_header_sent_twice_is_none(second: bytes) -> None:
    raw = [(b"authorization", b"Bearer a"), (b"authorization", second)]

    with pytest.raises(UnauthenticatedError):
        read_credential(Headers(raw=raw))
    with pytest.raises(UnauthenticatedError):
        read_credential(joined([("authorization", "Bearer a"), ("Authorization", second.decode())]))


def test_the_longest_that_is_taken_is_taken() -> None:
    longest = "a" * MAX_CREDENTIAL_LENGTH

    assert read_credential({"authorization": f"Bearer {longest}"}).secret == longest


def test_a_credential_does_not_show_its_secret() -> None:
    assert "mwk" not in repr(read_credential({"x-api-key": "mwk_a"}))
