import contextlib
import shutil
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import pytest

from serving.embedded.arguments import parse_arguments
from tests.serving.embedded.caller import Caller, write_config
from tests.serving.embedded.tiny_models import predict_request, write_warmup

pytestmark = pytest.mark.tensorflow

X = {"x": np.ones((1, 2), np.float32)}


@contextlib.contextmanager
def process(*arguments):
    command = [sys.executable, "-m", "serving.embedded", *map(str, arguments)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as child:
        try:
            yield child
        finally:
            child.kill()


@pytest.fixture
def models(tmp_path, toy_folder):
    (tmp_path / "models" / "toy").mkdir(parents=True)
    shutil.copytree(toy_folder, tmp_path / "models" / "toy" / "1")
    return tmp_path / "models"


def config_flag(models):
    return f"--model_config_file={write_config(models / 'models.config', models / 'toy')}"


@pytest.fixture
def socket():
    """A short path: a Unix socket's has at most 107 bytes, pytest's folders may be longer."""
    with tempfile.TemporaryDirectory() as folder:
        yield Path(folder) / "s"


@pytest.mark.slow
def test_sigterm_lets_calls_in_flight_finish_and_ends_with_status_0(models, socket):
    with process(config_flag(models), "--grpc_socket_path", socket, "--grpc_max_threads", 4) as child:
        assert child.stdout.readline() == f"listening on unix:{socket}\n"
        with Caller(f"unix:{socket}") as caller:
            request = predict_request("toy", {"loops": np.array([100_000], np.int64)}, signature="count")
            calls = [caller.prediction.Predict.future(request, timeout=30) for _ in range(2)]
            # A server takes the calls of one connection in order: with this answered, those are in flight.
            assert list(caller.predict("toy", X).outputs["y"].float_val) == [2.0]
            child.send_signal(signal.SIGTERM)
            totals = [call.result().outputs["total"].int64_val[0] for call in calls]

        assert child.wait(20) == 0
        assert totals == [100_000, 100_000]
        assert "Traceback" not in child.stderr.read()


@pytest.mark.slow
def test_sigterm_during_a_load_that_does_not_end_ends_with_status_0(models, socket):
    endless = predict_request("toy", {"loops": np.array([2**62], np.int64)}, signature="count")
    write_warmup(models / "toy" / "1", endless)

    with process(config_flag(models), "--grpc_socket_path", socket) as child:
        assert any("INFO serving.embedded.loading loading" in line for line in child.stderr)
        child.send_signal(signal.SIGTERM)

        assert child.wait(20) == 0
        assert child.stdout.read() == ""


@pytest.mark.slow
def test_a_port_in_use_is_one_line_and_status_1(models):
    with process(config_flag(models), "--port", 0) as first:
        address = first.stdout.readline().removeprefix("listening on ").strip()
        port = address.removeprefix("127.0.0.1:")
        with process(config_flag(models), "--port", port) as second:
            assert second.wait(60) == 1
            errors = second.stderr.read()
        with Caller(address) as caller:
            assert caller.states("toy") == {1: "AVAILABLE"}
        first.send_signal(signal.SIGINT)
        assert first.wait(20) == 0

    assert f"cannot listen on {address}" in errors
    assert "Traceback" not in errors


@pytest.mark.slow
def test_a_configuration_that_cannot_be_read_is_one_line_and_status_1(tmp_path):
    with process("--model_config_file", tmp_path / "missing", "--port", 0) as child:
        assert child.wait(60) == 1
        errors = child.stderr.read()

    assert f"ERROR serving.embedded cannot read {tmp_path / 'missing'}" in errors
    assert "Traceback" not in errors


def test_the_command_line_is_read():
    options = parse_arguments(["--model_config_file=/x", "--port=0"])

    assert options.model_config_file == Path("/x")
    assert (options.port, options.grpc_socket_path, options.grpc_max_threads) == (0, None, None)
    assert (options.file_system_poll_wait_seconds, options.model_config_file_poll_wait_seconds) == (1.0, 0.0)


@pytest.mark.parametrize(
    "arguments",
    [
        "--model_config_file m",
        "--port 0",
        "--model_config_file m --port 0 --grpc_socket_path s",
        "--model_config_file m --port -1",
        "--model_config_file m --port 65536",
        "--model_config_file m --port x",
        "--model_config m --port 0",
        "--model_config_file m --port 0 --file_system_poll_wait_seconds 0",
        "--model_config_file m --port 0 --model_config_file_poll_wait_seconds -1",
        "--model_config_file m --port 0 --grpc_max_threads x",
    ],
)
def test_a_wrong_command_line_is_refused(arguments, capsys):
    with pytest.raises(SystemExit) as caught:
        parse_arguments(arguments.split())

    assert caught.value.code == 2
    assert "usage:" in capsys.readouterr().err
