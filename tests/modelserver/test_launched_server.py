"""A model server that `running_model_server` started, and what becomes of it when models.toml changes."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from contract.model_folder import model_folders
from modelserver.errors import ModelServerError
from modelserver.grpc_adapter import GrpcModelServer
from modelserver.launch import Kind, find_models_file, running_model_server
from modelserver.models_edit import promote, rollback
from modelserver.protocol import VersionState

pytestmark = [pytest.mark.tensorflow, pytest.mark.slow]


@pytest.fixture
def models(tmp_path: Path) -> Path:
    from tests.colour_model import publish_colours

    for _ in range(3):
        publish_colours(tmp_path / "models" / "colours")
    return tmp_path / "models"


async def available(server: GrpcModelServer) -> set[int]:
    try:
        statuses = await server.versions("colours", timeout_seconds=5)
    except ModelServerError:
        return set()
    return {status.version for status in statuses if status.state is VersionState.AVAILABLE}


async def until_available(server: GrpcModelServer, versions: set[int]) -> None:
    async with asyncio.timeout(60):
        while await available(server) != versions:
            await asyncio.sleep(0.05)


async def test_promotions_and_roll_backs_reach_it_without_a_restart(models: Path) -> None:
    await asyncio.to_thread(promote, models, "colours", 1)
    models_file = await asyncio.to_thread(find_models_file, models)

    async with running_model_server(Kind.EMBEDDED, model_folders(models), models_file=models_file) as address:
        server = GrpcModelServer(address)
        await until_available(server, {1, 3})
        await asyncio.to_thread(promote, models, "colours", 2)
        await until_available(server, {1, 2, 3})
        await asyncio.to_thread(promote, models, "colours", 3)
        await until_available(server, {2, 3})
        await asyncio.to_thread(rollback, models, "colours")
        await until_available(server, {2, 3})
        await server.close()


async def test_a_models_config_of_its_owner_is_served_as_it_is(models: Path) -> None:
    config = models / "models.config"
    config.write_text(
        f'model_config_list {{ config {{ name: "colours" base_path: "{models / "colours"}" '
        "model_version_policy { specific { versions: 2 } } } }"
    )

    async with running_model_server(Kind.EMBEDDED, model_folders(models), models_file=config) as address:
        server = GrpcModelServer(address)
        await until_available(server, {2})
        await server.close()
