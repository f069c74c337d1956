"""TLS to the model server, as the settings say."""

from __future__ import annotations

from modelserver.grpc_credentials import Credentials, TlsFiles, load_credentials
from serving.settings import Settings


def model_server_credentials(settings: Settings) -> Credentials | None:
    """What to connect with; None where no TLS is set.

    Raises:
        ModelServerCredentialsError: a file is of no use.
    """
    if settings.model_server_ca is None:
        return None
    files = TlsFiles(
        ca=settings.model_server_ca,
        certificate=settings.model_server_cert,
        key=settings.model_server_key,
    )
    return load_credentials(files, server_name=settings.model_server_name or _host(settings.model_server))


def _host(names: str) -> str:
    """Of the first name; several that share no certificate need the setting."""
    first = names.partition(",")[0].strip()
    return first.rpartition(":")[0].strip("[]")
