"""`--model-server local` starts the `tensorflow_model_server` on the PATH with files it understands.

The real program is not to be had everywhere, so a stand-in takes its flags, reads its configuration with
TensorFlow Serving's own message classes, and then becomes the embedded server.
"""

from __future__ import annotations

import sys
import textwrap
from pathlib import Path

import httpx
import pytest

from modelserver.tensorflow_serving_config import models_config
from tests.gateway_process import GatewayProcess

pytestmark = [pytest.mark.tensorflow, pytest.mark.slow]

STAND_IN = """
    #!{python}
    import argparse, os, sys
    from google.protobuf import text_format
    from tensorflow_serving.config import model_server_config_pb2

    parser = argparse.ArgumentParser()
    for name in ("port", "grpc_socket_path", "model_config_file", "model_config_file_poll_wait_seconds",
                 "enable_batching", "batching_parameters_file", "file_system_poll_wait_seconds",
                 "num_load_threads"):
        parser.add_argument("--" + name, required=True)
    flags = parser.parse_args()
    assert flags.port == "0" and os.path.getsize(flags.batching_parameters_file)
    config = model_server_config_pb2.ModelServerConfig()
    text_format.Parse(open(flags.model_config_file).read(), config)
    assert [m.name for m in config.model_config_list.config] == ["colours"]
    os.execv(sys.executable, [sys.executable, "-m", "serving.embedded",
                              "--model_config_file", flags.model_config_file,
                              "--grpc_socket_path", flags.grpc_socket_path])
"""


@pytest.mark.parametrize("kind", ["local", "auto"])
def test_tensorflow_serving_on_the_path_is_started_and_answers(kind: str, tmp_path: Path) -> None:
    from tests.colour_model import colour_picture, publish_colours

    publish_colours(tmp_path / "models" / "colours")
    program = tmp_path / "bin" / "tensorflow_model_server"
    program.parent.mkdir()
    program.write_text(textwrap.dedent(STAND_IN).strip().format(python=sys.executable))
    program.chmod(0o755)
    environment = {"PATH": str(program.parent)}

    with GatewayProcess(
        tmp_path / "models", "--model-server", kind, log=tmp_path / "log", environment=environment
    ) as gateway:
        response = httpx.post(f"{gateway.url}/predict", content=colour_picture("blue"))

    assert response.json()["predictions"][0]["label"] == "blue"


def test_a_model_server_that_runs_elsewhere_is_used(tmp_path: Path) -> None:
    """As in production: the gateway is told an address and the names of the models."""
    import subprocess

    from tests.colour_model import colour_picture, publish_colours

    publish_colours(tmp_path / "models" / "colours")
    config = tmp_path / "models.config"
    config.write_text(models_config({"colours": tmp_path / "models" / "colours"}))
    server = subprocess.Popen(
        [sys.executable, "-m", "serving.embedded", "--model_config_file", str(config), "--port", "0"],
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert server.stdout is not None
        address = server.stdout.readline().split()[-1]
        with GatewayProcess(tmp_path / "models", "--model-server", address, log=tmp_path / "log") as gateway:
            response = httpx.post(f"{gateway.url}/predict", content=colour_picture("green"))
    finally:
        server.terminate()
        server.wait()
        server.stdout.close()

    assert response.json()["predictions"][0]["label"] == "green"
