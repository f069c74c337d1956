"""A client of one embedded server, with TensorFlow Serving's own stubs."""

import time
from pathlib import Path

import grpc
from grpc_health.v1 import health_pb2_grpc
from tensorflow_serving.apis import (
    get_model_metadata_pb2,
    get_model_status_pb2,
    model_service_pb2_grpc,
    prediction_service_pb2_grpc,
)

from serving.embedded.config_file import ConfigFile
from serving.embedded.server import Listen, create_server
from tests.serving.embedded.tiny_models import predict_request

TIMEOUT_SECONDS = 60
_UNLIMITED = (("grpc.max_receive_message_length", -1), ("grpc.max_send_message_length", -1))


class Caller:
    """Calls an address; use it as a context."""

    def __init__(self, address: str) -> None:
        self.channel = grpc.insecure_channel(address, options=_UNLIMITED)
        self.prediction = prediction_service_pb2_grpc.PredictionServiceStub(self.channel)
        self.models = model_service_pb2_grpc.ModelServiceStub(self.channel)
        self.health = health_pb2_grpc.HealthStub(self.channel)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.channel.close()

    def predict(self, *args, timeout=TIMEOUT_SECONDS, **kwargs):
        return self.prediction.Predict(predict_request(*args, **kwargs), timeout=timeout)

    def predicts(self, *args, **kwargs):
        """Whether a Predict is answered."""
        try:
            return bool(self.predict(*args, **kwargs))
        except grpc.RpcError:
            return False

    def metadata(self, name, *fields):
        request = get_model_metadata_pb2.GetModelMetadataRequest(metadata_field=fields)
        request.model_spec.name = name
        return self.prediction.GetModelMetadata(request, timeout=TIMEOUT_SECONDS)

    def status(self, name, *, version=None, label=""):
        request = get_model_status_pb2.GetModelStatusRequest()
        request.model_spec.name = name
        if version is not None:
            request.model_spec.version.value = version
        if label:
            request.model_spec.version_label = label
        return self.models.GetModelStatus(request, timeout=TIMEOUT_SECONDS).model_version_status

    def states(self, name):
        """State names by version, in the order they were listed."""
        return {entry.version: entry.State.Name(entry.state) for entry in self.status(name)}


def write_config(path: Path, *models: str, policy="latest { num_versions: 2 }", labels="") -> Path:
    """A configuration that serves these folders, each a model of its name."""
    entries = "".join(
        f'config {{ name: "{Path(model).name}" base_path: "{model}" {labels} '
        f"model_version_policy {{ {policy} }} }}\n"
        for model in models
    )
    path.write_text(f"model_config_list {{\n{entries}}}\n")
    return path


class RunningServer:
    """A server over a configuration and a caller of it; use it as a context."""

    def __init__(self, config: Path, *, config_poll_seconds=0.0, **options) -> None:
        file = ConfigFile(config, poll_seconds=config_poll_seconds)
        self.server = create_server(file, Listen(), **options)

    def __enter__(self) -> Caller:
        self.server.start()
        self.caller = Caller(self.server.address)
        return self.caller

    def __exit__(self, *_):
        self.caller.channel.close()
        assert self.server.stop(grace_seconds=10)


def eventually(condition, *, seconds=30.0):
    """Wait until the condition holds; its last value otherwise."""
    end = time.monotonic() + seconds
    while not (value := condition()) and time.monotonic() < end:
        time.sleep(0.02)
    return value
