from __future__ import annotations

from pathlib import Path

import pytest

from contract.model_folder import model_folders
from modelserver.errors import ModelServerStartError
from modelserver.launch import TENSORFLOW_SERVING, Kind, plan
from modelserver.tensorflow_serving_config import batching_config, models_config


@pytest.fixture
def tensorflow_serving(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    program = tmp_path / "bin" / TENSORFLOW_SERVING
    program.parent.mkdir()
    program.touch(mode=0o755)
    monkeypatch.setenv("PATH", str(program.parent))
    return program


def test_auto_prefers_tensorflow_serving(models: Path, tensorflow_serving: Path, tmp_path: Path) -> None:
    launch = plan(Kind.AUTO, model_folders(models), tmp_path)

    assert launch.command[0] == str(tensorflow_serving)
    assert launch.address == f"unix:{tmp_path}/grpc.sock"


def test_embedded_is_embedded_even_beside_tensorflow_serving(
    models: Path, tensorflow_serving: Path, tmp_path: Path
) -> None:
    assert str(tensorflow_serving) not in plan(Kind.EMBEDDED, model_folders(models), tmp_path).command


def test_local_without_tensorflow_serving_is_refused(
    models: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))

    with pytest.raises(ModelServerStartError, match="tensorflow_model_server is not on the PATH"):
        plan(Kind.LOCAL, model_folders(models), tmp_path)


@pytest.mark.tensorflow
def test_the_generated_files_are_tensorflow_servings(models: Path) -> None:
    from google.protobuf import text_format
    from tensorflow_serving.config import model_server_config_pb2

    text = models_config(model_folders(models))
    config = text_format.Parse(text, model_server_config_pb2.ModelServerConfig())

    first = config.model_config_list.config[0]
    assert (first.name, first.base_path) == ("other", str(models / "other"))
    assert first.model_version_policy.latest.num_versions == 2


def test_batching_uses_the_sizes_the_models_were_warmed_up_for_and_never_waits() -> None:
    lines = batching_config(8, threads=3).splitlines()

    assert [line for line in lines if line.startswith("allowed")] == [
        f"allowed_batch_sizes: {size}" for size in (1, 2, 4, 8)
    ]
    assert "max_batch_size { value: 8 }" in lines
    assert "batch_timeout_micros { value: 0 }" in lines


def test_the_local_server_gets_the_largest_batch_of_its_models(
    models: Path, tensorflow_serving: Path, tmp_path: Path
) -> None:
    del tensorflow_serving
    plan(Kind.LOCAL, model_folders(models), tmp_path)

    assert "max_batch_size { value: 16 }" in (tmp_path / "batching.config").read_text()
