import grpc
import numpy as np
import pytest
from grpc_health.v1 import health_pb2
from tensorflow_serving.apis import get_model_metadata_pb2, get_model_status_pb2, model_management_pb2

pytestmark = pytest.mark.tensorflow


def failure(call, *args, **kwargs):
    with pytest.raises(grpc.RpcError) as caught:
        call(*args, **kwargs)
    return caught.value.code(), caught.value.details()


def test_the_status_of_a_loaded_version_is_available_without_error(caller):
    (entry,) = caller.status("toy")

    assert entry.version == 4
    assert entry.state == get_model_status_pb2.ModelVersionStatus.AVAILABLE
    assert entry.HasField("status")
    assert (entry.status.error_code, entry.status.error_message) == (0, "")


def test_the_status_of_one_version_can_be_asked_for(caller):
    assert [entry.version for entry in caller.status("toy", version=4)] == [4]


def test_a_label_is_ignored_when_asking_for_the_status(caller):
    assert [entry.version for entry in caller.status("toy", label="stable")] == [4]


@pytest.mark.parametrize(
    ("name", "version", "text"),
    [
        ("nope", None, "Could not find any versions of model nope"),
        ("toy", 99, "Could not find version 99 of model toy"),
    ],
)
def test_the_status_of_what_is_not_there_is_not_found(caller, name, version, text):
    assert failure(caller.status, name, version=version) == (grpc.StatusCode.NOT_FOUND, text)


def test_the_status_needs_a_model_spec(caller):
    request = get_model_status_pb2.GetModelStatusRequest()

    assert failure(caller.models.GetModelStatus, request) == (
        grpc.StatusCode.INVALID_ARGUMENT,
        "Missing ModelSpec",
    )
    assert failure(caller.status, "")[1] == "ModelSpec has no name specified."


def test_a_config_reload_is_unimplemented(caller):
    request = model_management_pb2.ReloadConfigRequest()

    assert failure(caller.models.HandleReloadConfigRequest, request)[0] is grpc.StatusCode.UNIMPLEMENTED


def test_the_metadata_lists_every_signature(caller):
    response = caller.metadata("toy", "signature_def")

    signatures = get_model_metadata_pb2.SignatureDefMap()
    assert response.metadata["signature_def"].Unpack(signatures)
    assert {"serving_default", "manifest", "__saved_model_init_op"} <= set(signatures.signature_def)
    images = signatures.signature_def["images"].inputs["images"]
    assert [dim.size for dim in images.tensor_shape.dim] == [-1, 8, 8, 3]
    assert (response.model_spec.name, response.model_spec.version.value) == ("toy", 4)


@pytest.mark.parametrize("fields", [(), ("other",), ("signature_def", "other")])
def test_metadata_is_the_signatures_and_nothing_else(caller, fields):
    assert failure(caller.metadata, "toy", *fields)[0] is grpc.StatusCode.INVALID_ARGUMENT


def test_the_metadata_of_an_unknown_model_is_not_found(caller):
    assert failure(caller.metadata, "nope", "signature_def") == (
        grpc.StatusCode.NOT_FOUND,
        "Servable not found for request: Latest(nope)",
    )


@pytest.mark.parametrize("service", ["", "ModelService", "PredictionService"])
def test_the_health_of_each_service_is_serving(caller, service):
    response = caller.health.Check(health_pb2.HealthCheckRequest(service=service))

    assert response.status == health_pb2.HealthCheckResponse.SERVING


def test_the_health_of_another_name_is_not_found(caller):
    request = health_pb2.HealthCheckRequest(service="other")

    assert failure(caller.health.Check, request)[0] is grpc.StatusCode.NOT_FOUND


def test_a_health_watch_takes_no_worker(caller):
    watches = [caller.health.Watch(health_pb2.HealthCheckRequest()) for _ in range(40)]

    try:
        assert {next(watch).status for watch in watches} == {health_pb2.HealthCheckResponse.SERVING}
        assert caller.predict("toy", {"x": np.ones((1, 2), np.float32)}, timeout=20)
    finally:
        for watch in watches:
            watch.cancel()
