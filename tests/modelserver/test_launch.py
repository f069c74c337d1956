from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from contract.model_folder import model_folders
from modelserver.errors import ModelServerStartError
from modelserver.launch import TENSORFLOW_SERVING, Kind, find_models_file, plan, running_model_server
from modelserver.models_config import write_config
from modelserver.tensorflow_serving_config import ServedFolder, batching_config, models_config
from serving.embedded.arguments import parse_arguments


@pytest.fixture
def tensorflow_serving(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    program = tmp_path / "bin" / TENSORFLOW_SERVING
    program.parent.mkdir()
    program.touch(mode=0o755)
    monkeypatch.setenv("PATH", str(program.parent))
    return program


def test_auto_prefers_tensorflow_serving(tensorflow_serving: Path, tmp_path: Path) -> None:
    launch = plan(Kind.AUTO, tmp_path / "models.config", tmp_path, max_batch_size=8)

    assert launch.command[0] == str(tensorflow_serving)
    assert launch.address == f"unix:{tmp_path}/grpc.sock"
    assert "max_batch_size { value: 8 }" in (tmp_path / "batching.config").read_text()


def test_embedded_is_embedded_even_beside_tensorflow_serving(
    tensorflow_serving: Path, tmp_path: Path
) -> None:
    launch = plan(Kind.EMBEDDED, tmp_path / "models.config", tmp_path, max_batch_size=8)

    assert str(tensorflow_serving) not in launch.command


def test_both_are_told_the_same_of_models_and_address(tensorflow_serving: Path, tmp_path: Path) -> None:
    del tensorflow_serving
    config = tmp_path / "models.config"

    local, embedded = (
        plan(kind, config, tmp_path, max_batch_size=8).command for kind in (Kind.LOCAL, Kind.EMBEDDED)
    )

    assert set(embedded[3:]) <= set(local)
    assert f"--model_config_file={config}" in embedded
    assert parse_arguments(embedded[3:]).model_config_file == config


def test_local_without_tensorflow_serving_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))

    with pytest.raises(ModelServerStartError, match="tensorflow_model_server is not on the PATH"):
        plan(Kind.LOCAL, tmp_path / "models.config", tmp_path, max_batch_size=8)


@pytest.mark.tensorflow
def test_the_generated_files_are_tensorflow_servings(models: Path) -> None:
    from google.protobuf import text_format
    from tensorflow_serving.config import model_server_config_pb2

    pinned = ServedFolder(base_path="/elsewhere", versions=(3, 5))
    text = models_config({**model_folders(models), "pinned": pinned})
    config = text_format.Parse(text, model_server_config_pb2.ModelServerConfig())

    first, *_, last = config.model_config_list.config
    assert (first.name, first.base_path) == ("other", str(models / "other"))
    assert first.model_version_policy.latest.num_versions == 2
    assert (last.name, last.base_path) == ("pinned", "/elsewhere")
    assert list(last.model_version_policy.specific.versions) == [3, 5]


def test_batching_uses_the_sizes_the_models_were_warmed_up_for_and_never_waits() -> None:
    lines = batching_config(8, threads=3).splitlines()

    assert [line for line in lines if line.startswith("allowed")] == [
        f"allowed_batch_sizes: {size}" for size in (1, 2, 4, 8)
    ]
    assert "max_batch_size { value: 8 }" in lines
    assert "batch_timeout_micros { value: 0 }" in lines


def test_a_folder_is_served_by_its_models_toml_or_its_owners_models_config(models: Path) -> None:
    assert find_models_file(models) is None

    (models / "models.config").write_text("model_config_list {}")
    assert find_models_file(models) == models / "models.config"

    (models / "models.toml").write_text('default = "toy"\n[models.toy]\n')
    assert find_models_file(models) == models / "models.toml"


def test_a_models_config_that_can_be_worked_out_again_is_not_read(models: Path) -> None:
    write_config(models)

    assert (models / "models.config").exists()
    assert find_models_file(models) is None


async def test_the_local_server_gets_the_largest_batch_of_the_models_served(
    models: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (models / "models.toml").write_text('default = "other"\n[models.other]\naliases = { stable = 3 }\n')
    folders = model_folders(models)
    seen = tmp_path / "seen"
    seen.mkdir()
    program = tmp_path / "bin" / TENSORFLOW_SERVING
    program.parent.mkdir()
    copies = "".join(
        f'{flag}=*) cp "${{a#*=}}" {seen}/;; '
        for flag in ("--batching_parameters_file", "--model_config_file")
    )
    program.write_text(
        f'#!/bin/sh\nfor a in "$@"; do case "$a" in {copies} esac; done\ntouch {seen}/all\nsleep 60\n'
    )
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(program.parent), prepend=":")

    async with running_model_server(Kind.LOCAL, folders, models_file=models / "models.toml") as address:
        assert address.startswith("unix:")
        while not (seen / "all").exists():
            await asyncio.sleep(0.02)

    assert "max_batch_size { value: 16 }" in (seen / "batching.config").read_text()
    config = (seen / "models.config").read_text()
    assert "versions: 3" in config
    assert "toy" not in config.replace(str(models), "")
