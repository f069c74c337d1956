"""From what `--to` says to a target."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path

from contract.model_folder import model_folder_of
from miwake.client import AsyncClient
from miwake.client.retries import Retries
from modelserver.grpc_adapter import GrpcModelServer
from modelserver.launch import Kind
from scoring.errors import ScoringError
from scoring.one_version import one_version
from scoring.targets.gateway import GatewayBackend
from scoring.targets.model_server import CALL_TIMEOUT_SECONDS, ModelServerBackend
from scoring.targets.target import Backend, Target, Wanted

_GRPC = "grpc://"


@dataclass(frozen=True, kw_only=True)
class Address:
    """Where photographs are predicted.

    Attributes:
        to: `http://…` or `https://…` of a gateway, `grpc://HOST:PORT` of a model server, or a model's folder
            or one of its versions', for which a model server is started.
        model: its name; a gateway has a default, and a folder its own.
        api_key: for a gateway that asks for one.
        kind: of the model server that is started for a folder.
    """

    to: str
    model: str | None = None
    api_key: str | None = field(default=None, repr=False)
    kind: Kind = Kind.AUTO

    @property
    def is_gateway(self) -> bool:
        """Whether photographs are decoded there."""
        return self.to.startswith(("http://", "https://"))

    @property
    def model_name(self) -> str | None:
        """As far as it is known without asking."""
        return model_folder_of(Path(self.to)).name if self.starts_a_server else self.model

    @property
    def starts_a_server(self) -> bool:
        """Whether it is a folder, whose model server runs where the photographs are scored."""
        return "://" not in self.to


@contextlib.asynccontextmanager
async def open_target(
    address: Address, wanted: Wanted, *, version: int | None = None
) -> AsyncIterator[Target]:
    """A target for the block; nothing is pinned yet.

    Args:
        address: of it.
        wanted: of each photograph.
        version: that will be pinned, where that is known: of a folder this one is loaded, if it is there.

    Raises:
        ScoringError: the address is none.
        ModelFolderError: there is no version in the folder.
        ModelServerStartError: no model server can be started for it.
        ContractBrokenError: its version does not keep what it promises.
    """
    async with contextlib.AsyncExitStack() as stack:
        yield Target(await _backend(address, wanted, stack, version=version))


async def _backend(
    address: Address, wanted: Wanted, stack: contextlib.AsyncExitStack, *, version: int | None
) -> Backend:
    if address.is_gateway:
        once = Retries(attempts=1)
        client = AsyncClient(
            address.to, api_key=address.api_key, timeout_seconds=CALL_TIMEOUT_SECONDS, retries=once
        )
        return GatewayBackend(await stack.enter_async_context(client), address.model, wanted=wanted)
    if address.to.startswith(_GRPC):
        if not address.model:
            raise ScoringError("a model server does not say which models it has: name one by --model")
        server = GrpcModelServer(address.to.removeprefix(_GRPC))
        stack.push_async_callback(server.close)
        backend = ModelServerBackend(server, address.model, wanted=wanted)
        return await stack.enter_async_context(backend.watching())
    if not address.starts_a_server:
        raise ScoringError(f"{address.to} is no http://, https:// or grpc:// address, and no model folder")
    folder = one_version(Path(address.to), preferred=version, kind=address.kind)
    started, loaded = await stack.enter_async_context(folder)
    sidecar = None if loaded.manifest is not None else loaded.facts
    backend = ModelServerBackend(started, loaded.model, wanted=wanted, sidecar=sidecar)  # type: ignore[arg-type]
    return await stack.enter_async_context(backend.watching())
