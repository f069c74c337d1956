from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from pathlib import Path

import pytest

from modelserver.followed_config import FollowedConfig
from modelserver.models_file import ModelsFileError

POLL_SECONDS = 0.02


def write(models: Path, *, stable: int) -> Path:
    path = models / "models.toml"
    path.write_text(f'default = "toy"\n[models.toy]\naliases = {{ stable = {stable} }}\n')
    return path


def add_version(models: Path, number: int) -> None:
    (models / "toy" / str(number)).mkdir()
    (models / "toy" / str(number) / "saved_model.pb").touch()


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not condition():
            await asyncio.sleep(POLL_SECONDS)


async def test_the_configuration_follows_the_models_file_and_the_versions(
    models: Path, tmp_path: Path
) -> None:
    models_file, config = write(models, stable=1), tmp_path / "models.config"

    async with FollowedConfig(config, models_file, {}, poll_seconds=POLL_SECONDS):
        assert "{ specific { versions: 1 versions: 10 } }" in config.read_text()
        write(models, stable=9)
        await until(lambda: "{ versions: 9 versions: 10 }" in config.read_text())
        add_version(models, 11)
        await until(lambda: "{ versions: 9 versions: 11 }" in config.read_text())


async def test_a_models_file_that_breaks_changes_nothing_and_is_said_once(
    models: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    models_file, config = write(models, stable=1), tmp_path / "models.config"

    async with FollowedConfig(config, models_file, {}, poll_seconds=POLL_SECONDS):
        before = config.read_text()
        with caplog.at_level(logging.ERROR):
            models_file.write_text("default = ")
            await until(lambda: "the model server goes on with what it has" in caplog.text)
            await asyncio.sleep(5 * POLL_SECONDS)
        assert config.read_text() == before
        assert len(caplog.records) == 1

        write(models, stable=9)
        await until(lambda: "versions: 9" in config.read_text())


async def test_a_model_is_looked_for_where_it_was_said_to_lie(models: Path, tmp_path: Path) -> None:
    models_file = write(models, stable=1).rename(tmp_path / "elsewhere.toml")
    config = tmp_path / "models.config"

    async with FollowedConfig(config, models_file, {"toy": models / "toy"}):
        assert f'base_path: "{models / "toy"}"' in config.read_text()


async def test_a_models_file_that_is_broken_at_the_start_is_an_error(models: Path, tmp_path: Path) -> None:
    with pytest.raises(ModelsFileError):
        async with FollowedConfig(tmp_path / "models.config", models / "models.toml", {}):
            pass


async def test_a_models_file_with_a_number_without_end_does_not_end_the_following(
    models: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    models_file, config = write(models, stable=1), tmp_path / "models.config"

    async with FollowedConfig(config, models_file, {}, poll_seconds=POLL_SECONDS):
        models_file.write_text(f"default = {'9' * 5_000}")
        await until(lambda: "the model server goes on with what it has" in caplog.text)
        write(models, stable=9)
        await until(lambda: "versions: 9" in config.read_text())
