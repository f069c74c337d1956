"""Our message subset is TensorFlow Serving's on the wire, byte for byte."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from modelserver.messages import prediction_pb2 as ours

ROOT = Path(__file__).parents[2]
SOURCE = "modelserver/messages/prediction.proto"


def test_the_generated_classes_are_those_of_the_proto_file(tmp_path: Path) -> None:
    outputs = [f"--python_out={tmp_path}", f"--pyi_out={tmp_path}"]
    command = [sys.executable, "-m", "grpc_tools.protoc", "-I", "proto", *outputs, f"proto/{SOURCE}"]

    subprocess.run(command, cwd=ROOT, check=True)

    for name in ("prediction_pb2.py", "prediction_pb2.pyi"):
        assert (tmp_path / "modelserver" / "messages" / name).read_text() == (
            ROOT / "modelserver" / "messages" / name
        ).read_text(), "run make proto"


@pytest.fixture(scope="module")
def theirs() -> Any:
    pytest.importorskip("tensorflow_serving")
    from tensorflow.core.framework import tensor_pb2, types_pb2
    from tensorflow_serving.apis import get_model_status_pb2, model_pb2, predict_pb2

    class Messages:
        PredictRequest = predict_pb2.PredictRequest
        PredictResponse = predict_pb2.PredictResponse
        GetModelStatusRequest = get_model_status_pb2.GetModelStatusRequest
        GetModelStatusResponse = get_model_status_pb2.GetModelStatusResponse
        ModelVersionStatus = get_model_status_pb2.ModelVersionStatus
        ModelSpec = model_pb2.ModelSpec
        Tensor = tensor_pb2.TensorProto
        DataType = types_pb2.DataType

    return Messages


def fill(message: Any, *, shape_message: Any) -> Any:
    """Set every field of a tensor that both sides know."""
    message.dtype = 4
    message.version_number = 0
    message.tensor_content = b"\x01\x02"
    message.float_val.extend([1.5, -2.0])
    message.double_val.extend([0.1])
    message.int_val.extend([7, -7])
    message.string_val.extend([b"a", b""])
    message.int64_val.extend([1 << 40])
    message.bool_val.extend([True, False])
    for size in (2, 3):
        shape_message.dim.add(size=size, name="n")
    return message


def filled_request(messages: Any) -> Any:
    request = messages.PredictRequest()
    request.model_spec.name = "flowers"
    request.model_spec.version.value = 3
    request.model_spec.signature_name = "explain"
    tensor = request.inputs["images"]
    fill(tensor, shape_message=tensor.tensor_shape)
    request.output_filter.extend(["heatmaps"])
    return request


def filled_response(messages: Any) -> Any:
    response = messages.PredictResponse()
    response.model_spec.name = "flowers"
    response.model_spec.version_label = "stable"
    tensor = response.outputs["probabilities"]
    fill(tensor, shape_message=tensor.tensor_shape)
    return response


def filled_status(messages: Any) -> Any:
    response = messages.GetModelStatusResponse()
    for state in messages.ModelVersionStatus.State.values():
        status = response.model_version_status.add(version=9, state=state)
        status.status.error_code = 5
        status.status.error_message = "gone"
    return response


@pytest.mark.tensorflow
@pytest.mark.parametrize("build", [filled_request, filled_response, filled_status])
def test_every_field_has_the_same_bytes(build: Any, theirs: Any) -> None:
    ours_as_bytes = build(ours).SerializeToString(deterministic=True)

    assert ours_as_bytes == build(theirs).SerializeToString(deterministic=True)


@pytest.mark.tensorflow
@pytest.mark.parametrize("build", [filled_request, filled_response, filled_status])
def test_each_side_reads_the_other_and_keeps_everything(build: Any, theirs: Any) -> None:
    message = build(ours)
    name = type(message).__name__

    there = getattr(theirs, name).FromString(message.SerializeToString())
    back = type(message).FromString(there.SerializeToString())

    assert back == message


@pytest.mark.tensorflow
def test_states_and_data_types_have_the_same_numbers(theirs: Any) -> None:
    assert dict(ours.ModelVersionStatus.State.items()) == dict(theirs.ModelVersionStatus.State.items())
    assert dict(ours.DataType.items()).items() <= dict(theirs.DataType.items()).items()


@pytest.mark.tensorflow
def test_our_tensor_is_read_by_tensorflow_as_the_same_array(theirs: Any) -> None:
    import tensorflow as tf

    from modelserver.tensors import to_message

    array = np.arange(24, dtype=np.uint8).reshape(2, 2, 2, 3)
    message = theirs.Tensor.FromString(to_message(array).SerializeToString())

    assert np.array_equal(tf.make_ndarray(message), array)
