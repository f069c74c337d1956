"""The keys file: what it may say, and that its faults are told without its values."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from serving.callers.caller import Rate
from serving.callers.keys_file import parse_keys

DIGEST = "0123456789abcdef" * 4
OTHER = "f" * 64


def test_a_key_says_what_it_may_do() -> None:
    (key,) = parse_keys(
        f"""[keys.shop]
        sha256 = "{DIGEST}"
        requests_per_second = 2.5
        models = ["flowers"]
        expires = 2027-01-01T00:00:00Z
        """.encode()
    )

    assert key.digest.hex() == DIGEST
    assert key.name == "shop"
    assert key.caller.models == {"flowers"}
    assert key.caller.rate == Rate(requests_per_second=2.5, burst=3)
    assert key.has_expired(datetime(2027, 1, 1, tzinfo=UTC))
    assert not key.has_expired(datetime(2026, 12, 31, 23, 59, 59, tzinfo=UTC))


def test_a_key_that_says_nothing_more_may_do_all() -> None:
    (key,) = parse_keys(f'keys.shop.sha256 = "{DIGEST.upper()}"'.encode())

    assert key.digest.hex() == DIGEST
    assert (key.caller.rate, key.caller.models, key.expires) == (None, None, None)


def test_no_keys_are_said_by_an_empty_table() -> None:
    assert parse_keys(b"[keys]\n") == ()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "keys: Field required"),
        ("[keys", "Expected"),
        ("\xff", "codec"),
        (f'[keyz.a]\nsha256 = "{DIGEST}"', "keys"),
        ("[keys.a]", "key 1.sha256: Field required"),
        ('[keys.a]\nsha256 = "mwk_plain"', "key 1.sha256: String should match"),
        (f'[keys."our shop"]\nsha256 = "{DIGEST}"', "key 1"),
        (f'[keys.a]\nsha256 = "{DIGEST}"\nmodel = "x"', "key 1.model: Extra inputs"),
        (f'[keys.a]\nsha256 = "{DIGEST}"\nmodels = "flowers"', "key 1.models: Input should be a valid list"),
        (f'[keys.a]\nsha256 = "{DIGEST}"\nrequests_per_second = 0', "greater than 0"),
        (f'[keys.a]\nsha256 = "{DIGEST}"\nrequests_per_second = nan', "finite"),
        (f'[keys.a]\nsha256 = "{DIGEST}"\nrequests_per_second = true', "valid number"),
        (f'[keys.a]\nsha256 = "{DIGEST}"\nburst = 3', "key 1: burst needs requests_per_second"),
        (f'[keys.a]\nsha256 = "{DIGEST}"\nexpires = 2027-01-01T00:00:00', "timezone"),
        (f'[keys.a]\nsha256 = "{DIGEST}"\nexpires = "2027-01-01"', "datetime"),
        (
            f'[keys.a]\nsha256 = "{DIGEST}"\n[keys.b]\nsha256 = "{DIGEST.upper()}"',
            "keys 1 and 2 have the same",
        ),
    ],
)
def test_a_fault_is_one_line_that_shows_no_value_and_no_name(text: str, said: str) -> None:
    with pytest.raises(ValueError, match=r".") as raised:
        parse_keys(text.encode("latin-1"))

    assert said in str(raised.value)
    assert "\n" not in str(raised.value)
    for value in (DIGEST, "mwk_plain", "our shop"):
        assert value not in str(raised.value)


def test_a_file_nested_without_end_is_refused() -> None:
    with pytest.raises(ValueError, match="nested too deeply"):
        parse_keys(b"x=" + b"[" * 3_000)
