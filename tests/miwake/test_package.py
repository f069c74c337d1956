"""`import miwake` costs nothing, and the client brings nothing it does not need."""

from __future__ import annotations

import subprocess
import sys

import pytest

import miwake

NOT_THE_CLIENTS = {
    "fastapi",
    "google.protobuf",
    "grpc",
    "keras",
    "modelserver",
    "pydantic",
    "scoring",
    "serving",
    "tensorflow",
    "training",
}


def modules_after(program: str) -> set[str]:
    command = [sys.executable, "-c", f"{program}; import sys; print(*sys.modules)"]
    return set(subprocess.run(command, capture_output=True, text=True, check=True).stdout.split())


def test_importing_the_package_imports_no_client() -> None:
    assert not {"httpx", "numpy", "PIL", "miwake.client"} & modules_after("import miwake")


def test_the_client_needs_httpx_numpy_and_pillow() -> None:
    modules = modules_after("from miwake import Client, AsyncClient")

    assert {"httpx", "numpy", "PIL"} <= modules
    assert not NOT_THE_CLIENTS & modules


def test_the_package_has_the_clients_and_nothing_that_is_not_there() -> None:
    assert miwake.Client.__module__ == "miwake.client.sync_client"
    assert miwake.AsyncClient.__module__ == "miwake.client.async_client"
    with pytest.raises(AttributeError, match="has no attribute 'Clinet'"):
        _ = miwake.Clinet
