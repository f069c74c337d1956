"""TLS to a model server: certificates from files, checked before the first connection."""

from __future__ import annotations

import ssl
from dataclasses import dataclass
from pathlib import Path

import grpc

from modelserver.errors import ModelServerError

# What an encrypted key is tried with: without it, OpenSSL would ask at the terminal.
_NO_PASSWORD = ""


class ModelServerCredentialsError(ModelServerError):
    """The files for TLS to the model server are of no use."""


@dataclass(frozen=True, kw_only=True)
class TlsFiles:
    """PEM files: who signs the model server's certificate, and for mTLS our own certificate and its key."""

    ca: Path
    certificate: Path | None = None
    key: Path | None = None


@dataclass(frozen=True, kw_only=True)
class Credentials:
    """What a channel is secured with; `server_name` is the name that the server's certificate must hold.

    It is given apart from the address, which is one of several that the name stands for.
    """

    channel: grpc.ChannelCredentials
    server_name: str


def load_credentials(files: TlsFiles, *, server_name: str) -> Credentials:
    """Read the files.

    gRPC itself would find a fault in them only while connecting, and call it a server that is away.

    Raises:
        ModelServerCredentialsError: one cannot be read, is no such file, or the two do not belong together.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    ca = _read(files.ca)
    _check_ca(context, files.ca)
    if files.certificate is None or files.key is None:
        return Credentials(channel=grpc.ssl_channel_credentials(ca), server_name=server_name)
    certificate, key = _read(files.certificate), _read(files.key)
    _check_pair(context, files.certificate, files.key)
    return Credentials(channel=grpc.ssl_channel_credentials(ca, key, certificate), server_name=server_name)


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as exc:
        raise ModelServerCredentialsError(f"{path}: {exc.strerror}") from exc


def _check_ca(context: ssl.SSLContext, path: Path) -> None:
    try:
        context.load_verify_locations(path)
    except ssl.SSLError as exc:
        raise ModelServerCredentialsError(f"{path}: no certificates in PEM form") from exc


def _check_pair(context: ssl.SSLContext, certificate: Path, key: Path) -> None:
    try:
        context.load_cert_chain(certificate, key, password=_NO_PASSWORD)
    except ssl.SSLError as exc:
        raise ModelServerCredentialsError(
            f"{certificate} and {key} are not a certificate and its unencrypted key, in PEM form"
        ) from exc
