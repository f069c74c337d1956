"""TLS and mTLS to a model server: real certificates, a real gRPC server."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

import grpc
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from modelserver.errors import ModelServerAwayError
from modelserver.grpc_adapter import GrpcModelServer
from modelserver.grpc_credentials import (
    Credentials,
    ModelServerCredentialsError,
    TlsFiles,
    load_credentials,
)
from modelserver.protocol import VersionState, VersionStatus
from tests.certificates import Authority, Pair
from tests.fake_model_server import FakeModelServer
from tests.grpc_model_server import grpc_model_server

NAME = "models.example"


@contextlib.contextmanager
def server_with_tls(authority: Authority, its_own: Pair) -> Iterator[str]:
    """Yields the address of one for clients with a certificate of the authority."""
    credentials = grpc.ssl_server_credentials(
        [(its_own.key.read_bytes(), its_own.certificate.read_bytes())],
        root_certificates=authority.ca.certificate.read_bytes(),
        require_client_auth=True,
    )
    with grpc_model_server(FakeModelServer(), credentials=credentials) as address:
        yield address


async def versions(address: str, credentials: Credentials | None) -> tuple[VersionStatus, ...]:
    model_server = GrpcModelServer(address, credentials=credentials)
    try:
        return await model_server.versions("toy", timeout_seconds=10)
    finally:
        await model_server.close()


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path)


def files(authority: Authority, client: Pair) -> TlsFiles:
    return TlsFiles(ca=authority.ca.certificate, certificate=client.certificate, key=client.key)


async def test_a_model_server_that_asks_for_a_certificate_is_called_with_one(authority: Authority) -> None:
    credentials = load_credentials(files(authority, authority.sign("gateway")), server_name=NAME)

    with server_with_tls(authority, authority.sign(NAME)) as address:
        answer = await versions(address, credentials)

    assert answer == (VersionStatus(1, VersionState.AVAILABLE),)


async def test_without_tls_a_model_server_that_wants_it_is_away(authority: Authority) -> None:
    with server_with_tls(authority, authority.sign(NAME)) as address, pytest.raises(ModelServerAwayError):
        await versions(address, None)


async def test_without_a_certificate_of_our_own_it_is_away(authority: Authority) -> None:
    credentials = load_credentials(TlsFiles(ca=authority.ca.certificate), server_name=NAME)

    with server_with_tls(authority, authority.sign(NAME)) as address, pytest.raises(ModelServerAwayError):
        await versions(address, credentials)


async def test_a_server_of_another_name_is_not_talked_to(authority: Authority) -> None:
    credentials = load_credentials(files(authority, authority.sign("gateway")), server_name=NAME)

    its_own = authority.sign("other.example")
    with server_with_tls(authority, its_own) as address, pytest.raises(ModelServerAwayError):
        await versions(address, credentials)


async def test_a_server_of_another_authority_is_not_talked_to(authority: Authority, tmp_path: Path) -> None:
    stranger = Authority(tmp_path, "stranger")
    credentials = load_credentials(files(stranger, authority.sign("gateway")), server_name=NAME)

    with server_with_tls(authority, authority.sign(NAME)) as address, pytest.raises(ModelServerAwayError):
        await versions(address, credentials)


def test_a_file_that_is_missing_is_named(authority: Authority, tmp_path: Path) -> None:
    pair = authority.sign("gateway")

    for wrong in (
        TlsFiles(ca=tmp_path / "nowhere.pem"),
        TlsFiles(ca=authority.ca.certificate, certificate=pair.certificate, key=tmp_path / "nowhere.pem"),
    ):
        with pytest.raises(ModelServerCredentialsError, match=r"nowhere\.pem: No such file"):
            load_credentials(wrong, server_name=NAME)


@pytest.mark.parametrize("content", [b"", b"text", b"\x00\xff", b"-----BEGIN CERTIFICATE-----\n!!\n"])
def test_an_authority_that_is_no_certificate_is_refused(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "ca.pem"
    path.write_bytes(content)

    with pytest.raises(ModelServerCredentialsError, match=r"ca\.pem: no certificates in PEM form"):
        load_credentials(TlsFiles(ca=path), server_name=NAME)


def test_a_key_of_another_certificate_is_refused(authority: Authority) -> None:
    ours, theirs = authority.sign("gateway"), authority.sign("other")
    mixed = TlsFiles(ca=authority.ca.certificate, certificate=ours.certificate, key=theirs.key)

    with pytest.raises(ModelServerCredentialsError, match="are not a certificate and its unencrypted key"):
        load_credentials(mixed, server_name=NAME)


def test_an_encrypted_key_is_refused_and_nobody_is_asked_for_its_password(authority: Authority) -> None:
    pair = authority.sign("gateway")
    key = serialization.load_pem_private_key(pair.key.read_bytes(), None)
    assert isinstance(key, ec.EllipticCurvePrivateKey)
    encryption = serialization.BestAvailableEncryption(b"secret")
    pair.key.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, encryption)
    )

    with pytest.raises(ModelServerCredentialsError, match="unencrypted"):
        load_credentials(files(authority, pair), server_name=NAME)
