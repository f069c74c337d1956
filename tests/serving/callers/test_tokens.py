"""Signed tokens: those of the issuer for this gateway, and the many ways to be none."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time
from pathlib import Path
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from serving.callers.errors import UnauthenticatedError
from serving.callers.tokens import LEEWAY_SECONDS, Tokens, parse_key_set
from serving.watched_file import WatchedFile
from tests.clock import Clock
from tests.serving.callers.signed_tokens import AUDIENCE, ISSUER, Signer, write_key_set

ALICE = f"sub:{hashlib.sha256(b'alice').hexdigest()[:12]}"
NOW = int(time.time())


@pytest.fixture(scope="module")
def signers() -> dict[str, Signer]:
    return {algorithm: Signer(algorithm) for algorithm in ("RS256", "ES256", "EdDSA")}


@pytest.fixture
def tokens(signers: dict[str, Signer], tmp_path: Path) -> Tokens:
    path = write_key_set(tmp_path / "jwks.json", *(signer.jwk() for signer in signers.values()))
    return Tokens(WatchedFile(path, parse_key_set), issuer=ISSUER, audience=AUDIENCE)


def b64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def unsigned(header: Any, claims: Any, signature: bytes = b"") -> str:
    return f"{b64(json.dumps(header).encode())}.{b64(json.dumps(claims).encode())}.{b64(signature)}"


GOOD_CLAIMS = {"sub": "alice", "iss": ISSUER, "aud": AUDIENCE, "exp": NOW + 600}


def _claim(claims: dict[str, Any]) -> str:
    """A name that is the same in every process that collects the tests: times are not."""
    return ", ".join(name if isinstance(value, int) else f"{name}={value}" for name, value in claims.items())


@pytest.mark.parametrize("algorithm", ["RS256", "ES256", "EdDSA"])
def test_a_caller_is_the_digest_of_its_subject(
    algorithm: str, tokens: Tokens, signers: dict[str, Signer]
) -> None:
    assert tokens.caller(signers[algorithm].token()).digest == ALICE


@pytest.mark.parametrize(
    "claims",
    [
        {"aud": ["others", AUDIENCE]},
        {"nbf": NOW - 5, "iat": NOW - 5},
        {"sub": "\udcff"},
    ],
    ids=["one audience of several", "begun", "a subject that is no UTF-8"],
)
def test_a_good_token_is_taken(claims: dict[str, Any], tokens: Tokens, signers: dict[str, Signer]) -> None:
    assert tokens.caller(signers["ES256"].token(**claims)).digest.startswith("sub:")


def test_clocks_may_differ_by_a_few_seconds(tokens: Tokens, signers: dict[str, Signer]) -> None:
    now = int(time.time())

    assert tokens.caller(signers["ES256"].token(exp=now - LEEWAY_SECONDS // 2)).digest == ALICE
    assert tokens.caller(signers["ES256"].token(nbf=now + LEEWAY_SECONDS // 2)).digest == ALICE


@pytest.mark.parametrize(
    "claims",
    [
        {"exp": NOW - LEEWAY_SECONDS - 60},
        {"exp": None},
        {"exp": "tomorrow"},
        {"exp": float("inf")},
        {"iss": None},
        {"iss": "https://issuer.example/"},
        {"aud": None},
        {"aud": "others"},
        {"aud": []},
        {"aud": AUDIENCE.upper()},
        {"sub": None},
        {"sub": ""},
        {"sub": 7},
        {"nbf": NOW + 3600},
        {"iat": NOW + 3600},
    ],
    ids=_claim,
)
def test_a_claim_that_is_missing_or_wrong_is_refused(
    claims: dict[str, Any], tokens: Tokens, signers: dict[str, Signer]
) -> None:
    with pytest.raises(UnauthenticatedError):
        tokens.caller(signers["RS256"].token(**claims))


@pytest.mark.parametrize("alg", ["none", "None", "NONE", "", None, ["RS256"], "HS256", "RS512", 5])
def test_an_unsigned_token_is_refused(alg: Any, tokens: Tokens, signers: dict[str, Signer]) -> None:
    header = {"kid": signers["RS256"].kid} | ({"alg": alg} if alg is not None else {})

    with pytest.raises(UnauthenticatedError):
        tokens.caller(unsigned(header, GOOD_CLAIMS))


def test_a_public_key_does_not_serve_as_a_shared_secret(tokens: Tokens, signers: dict[str, Signer]) -> None:
    signer = signers["RS256"]
    pem = signer.private.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    token = unsigned({"alg": "HS256", "kid": signer.kid}, GOOD_CLAIMS).removesuffix(".")
    signature = hmac.digest(pem, token.encode(), "sha256")

    with pytest.raises(UnauthenticatedError):
        tokens.caller(f"{token}.{b64(signature)}")


def test_a_key_answers_for_its_own_algorithm_alone(tokens: Tokens, signers: dict[str, Signer]) -> None:
    token = signers["EdDSA"].token(headers={"kid": signers["ES256"].kid})

    with pytest.raises(UnauthenticatedError):
        tokens.caller(token)


@pytest.mark.parametrize("kid", ["unknown", "", "ES256-1' OR 1=1"])
def test_a_key_that_is_not_in_the_set_is_refused(
    kid: str, tokens: Tokens, signers: dict[str, Signer]
) -> None:
    with pytest.raises(UnauthenticatedError):
        tokens.caller(signers["ES256"].token(headers={"kid": kid}))


@pytest.mark.parametrize("kid", [7, None, ["ES256-1"], {"a": 1}])
def test_a_kid_that_is_no_text_is_refused(kid: Any, tokens: Tokens) -> None:
    with pytest.raises(UnauthenticatedError):
        tokens.caller(unsigned({"alg": "ES256", "kid": kid}, GOOD_CLAIMS, b"x" * 64))


def test_another_key_under_the_same_kid_is_refused(tokens: Tokens) -> None:
    with pytest.raises(UnauthenticatedError):
        tokens.caller(Signer("ES256").token())


def test_keys_that_a_token_brings_along_are_not_looked_at(tokens: Tokens, signers: dict[str, Signer]) -> None:
    stranger = Signer("ES256", kid=signers["ES256"].kid)
    token = stranger.token(headers={"jwk": stranger.jwk(), "jku": "https://stranger.example/jwks.json"})

    with pytest.raises(UnauthenticatedError):
        tokens.caller(token)


def test_a_change_of_a_single_character_is_refused(tokens: Tokens, signers: dict[str, Signer]) -> None:
    token = signers["EdDSA"].token()
    for place in range(0, len(token), 7):
        changed = token[:place] + ("A" if token[place] != "A" else "B") + token[place + 1 :]
        with pytest.raises(UnauthenticatedError):
            tokens.caller(changed)


@pytest.mark.parametrize(
    "token",
    [
        "..",
        "a.b.c",
        "....",
        f"{b64(b'[' * 5000)}.{b64(b'{}')}.x",
        f"{b64(b'[]')}.{b64(b'{}')}.{b64(b'x')}",
        f"{b64(b'{')}.{b64(b'{}')}.{b64(b'x')}",
        f"{b64(b'9' * 5000)}.{b64(b'{}')}.{b64(b'x')}",
        unsigned({"alg": "ES256", "kid": "ES256-1", "b64": False, "crit": ["b64"]}, {}),
        unsigned({"alg": "ES256", "kid": "ES256-1", "crit": "exp"}, {}),
        unsigned({"alg": "ES256", "kid": "ES256-1"}, GOOD_CLAIMS, b""),
        unsigned({"alg": "ES256", "kid": "ES256-1"}, GOOD_CLAIMS, b"\x00" * 64),
        unsigned({"alg": "RS256", "kid": "RS256-1"}, GOOD_CLAIMS, b"\x00" * 256),
    ],
)
def test_what_is_no_token_is_refused(token: str, tokens: Tokens) -> None:
    with pytest.raises(UnauthenticatedError):
        tokens.caller(token)


def test_a_key_set_that_changes_is_read_again(tmp_path: Path) -> None:
    old, new = Signer("ES256", kid="old"), Signer("ES256", kid="new")
    path, clock = write_key_set(tmp_path / "jwks.json", old.jwk()), Clock()
    tokens = Tokens(WatchedFile(path, parse_key_set, clock=clock), issuer=ISSUER, audience=AUDIENCE)
    write_key_set(tmp_path / "aside", new.jwk()).replace(path)
    clock.turn(1)

    assert tokens.caller(new.token()).digest == ALICE
    with pytest.raises(UnauthenticatedError):
        tokens.caller(old.token())


def test_keys_of_no_use_beside_a_good_one_are_passed_over(signers: dict[str, Signer]) -> None:
    good = signers["ES256"].jwk()
    private = json.loads(jwt.algorithms.ECAlgorithm.to_jwk(ec.generate_private_key(ec.SECP256R1())))
    entries = [
        7,
        {},
        {"kty": "oct", "k": "c2VjcmV0", "kid": "oct", "alg": "HS256"},
        private | {"kid": "private"},
        good | {"kid": "encryption", "use": "enc"},
        {name: value for name, value in good.items() if name != "kid"},
        {"kty": "EC", "crv": "P-256", "kid": "half", "x": good["x"]},
        {"kty": "EC", "crv": "nonsense", "kid": "curve"},
        good | {"kid": "other", "alg": "RS512"},
        good,
    ]

    assert list(parse_key_set(json.dumps({"keys": entries}).encode())) == [("ES256-1", "ES256")]


@pytest.mark.parametrize(
    "data", [b"", b"{", b"[]", b"{}", b'{"keys": {}}', b'{"keys": []}', b'{"keys": [{}]}', b"\xff"]
)
def test_a_set_without_any_key_of_use_is_broken(data: bytes) -> None:
    with pytest.raises(ValueError, match=r"."):
        parse_key_set(data)


@pytest.mark.filterwarnings("ignore::jwt.warnings.InsecureKeyLengthWarning")
def test_a_short_key_is_not_trusted(tmp_path: Path) -> None:
    signer = Signer("RS256")
    signer.private = rsa.generate_private_key(public_exponent=65537, key_size=1024)  # noqa: S505 - that is the point
    path = write_key_set(tmp_path / "jwks.json", signer.jwk())
    tokens = Tokens(WatchedFile(path, parse_key_set), issuer=ISSUER, audience=AUDIENCE)

    with pytest.raises(UnauthenticatedError):
        tokens.caller(signer.token())


@pytest.mark.parametrize(
    "odd",
    [
        {"kty": ["RSA"]},
        {"alg": ["RS256"]},
        {"kty": "OKP", "crv": ["Ed25519"], "x": "AA"},
        {"kty": "EC", "crv": "P-256", "x": 5, "y": "AA"},
    ],
)
def test_a_key_with_a_member_of_another_type_is_passed_over(
    odd: dict[str, Any], signers: dict[str, Signer]
) -> None:
    good, odd = signers["RS256"].jwk(), signers["RS256"].jwk() | {"kid": "odd"} | odd

    assert len(parse_key_set(json.dumps({"keys": [odd, good]}).encode())) == 1


def test_a_key_set_nested_without_end_is_refused() -> None:
    with pytest.raises(ValueError, match="nested too deeply"):
        parse_key_set(b"[" * 100_000)
