import time

import grpc
import numpy as np
import pytest
import tensorflow as tf
from tensorflow.core.framework import tensor_pb2
from tensorflow_serving.apis import classification_pb2, inference_pb2, predict_pb2, regression_pb2

pytestmark = pytest.mark.tensorflow

X = np.ones((1, 2), np.float32)
BROKEN = tensor_pb2.TensorProto(dtype=1, tensor_content=b"123")
BROKEN.tensor_shape.dim.add(size=1)

INVALID = grpc.StatusCode.INVALID_ARGUMENT
NOT_FOUND = grpc.StatusCode.NOT_FOUND
PRECONDITION = grpc.StatusCode.FAILED_PRECONDITION


def failure(call, *args, **kwargs):
    with pytest.raises(grpc.RpcError) as caught:
        call(*args, **kwargs)
    return caught.value.code(), caught.value.details()


ROWS = {
    "unknown model": ({"name": "nope"}, NOT_FOUND, "Servable not found for request: Latest(nope)"),
    "unknown version": (
        {"version": 99},
        NOT_FOUND,
        "Servable not found for request: Specific(toy, 99)",
    ),
    "version zero is a version": (
        {"version": 0},
        NOT_FOUND,
        "Servable not found for request: Specific(toy, 0)",
    ),
    "unknown version of an unknown model": (
        {"name": "nope", "version": 1},
        NOT_FOUND,
        "Servable not found for request: Specific(nope, 1)",
    ),
    "unknown label": ({"label": "stable"}, INVALID, "Unrecognized servable version label: stable"),
    "no name": ({"name": ""}, INVALID, "ModelSpec has no name specified."),
    "unknown signature": (
        {"signature": "nosig"},
        PRECONDITION,
        'Serving signature key "nosig" not found.',
    ),
    "missing input": (
        {"inputs": {}},
        INVALID,
        (
            "input size does not match signature: 0!=1 len({}) != len({x}). "
            "Sent extra: {}. Missing but required: {x}."
        ),
    ),
    "extra input": (
        {"inputs": {"x": X, "z": X}},
        INVALID,
        (
            "input size does not match signature: 2!=1 len({x,z}) != len({x}). "
            "Sent extra: {z}. Missing but required: {}."
        ),
    ),
    "broken tensor": ({"inputs": {"x": BROKEN}}, INVALID, "tensor parsing error: x"),
    "wrong dtype": (
        {"inputs": {"x": np.ones((1, 2), np.int32)}},
        INVALID,
        "Expects arg[0] to be float but int32 is provided",
    ),
    "wrong float dtype": (
        {"inputs": {"x": np.ones((1, 2), np.float64)}},
        INVALID,
        "Expects arg[0] to be float but double is provided",
    ),
    "unknown output": (
        {"outputs": ["zz"]},
        INVALID,
        "output tensor alias not found in signature: zz Outputs expected to be in the set {twice,y}.",
    ),
    "the same output twice": ({"outputs": ["y", "y"]}, INVALID, "duplicate output tensor alias: y"),
}


@pytest.mark.parametrize(("request_", "status", "text"), ROWS.values(), ids=ROWS)
def test_a_wrong_request_gets_tensorflow_servings_status_and_text(caller, request_, status, text):
    assert failure(caller.predict, **{"name": "toy", "inputs": {"x": X}, **request_}) == (status, text)


def test_a_request_without_model_spec_is_refused(caller):
    assert failure(caller.prediction.Predict, predict_pb2.PredictRequest()) == (
        INVALID,
        "Missing ModelSpec",
    )


def test_a_wrong_key_of_the_right_count_is_named_with_its_feed(caller):
    status, text = failure(caller.predict, "toy", {"wrong": X})

    assert status is INVALID
    assert text.startswith("Signature input alias: x(feed name: ")
    assert "not found in request" in text


@pytest.mark.parametrize("signature", ["serving_default", "rows"])
@pytest.mark.parametrize("shape", [(1, 5), (2,), ()])
def test_a_wrong_shape_is_an_invalid_argument(caller, signature, shape):
    alias = "x" if signature == "serving_default" else "rows"

    status, text = failure(caller.predict, "toy", {alias: np.ones(shape, np.float32)}, signature=signature)

    assert status is INVALID
    assert text


def test_zero_rows_are_refused_and_do_not_hang(caller):
    status, text = failure(caller.predict, "toy", {"x": np.ones((0, 2), np.float32)}, timeout=10)

    assert (status, text) == (INVALID, "Input x has no rows.")


@pytest.mark.parametrize("dtype", [0, 20, 101, 999])
def test_a_tensor_of_a_type_that_cannot_travel_is_broken(caller, dtype):
    assert failure(caller.predict, "toy", {"x": tensor_pb2.TensorProto(dtype=dtype)}) == (
        INVALID,
        "tensor parsing error: x",
    )


def test_the_init_signature_cannot_be_run(caller):
    assert failure(caller.predict, "toy", {}, signature="__saved_model_init_op")[0] is INVALID


def test_a_long_text_is_cut_so_that_clients_take_it(caller):
    _, text = failure(caller.predict, "toy", {"x": X}, signature="s" * 5000)

    assert len(text) < 1100
    assert text.endswith("...TRUNCATED")


def test_a_keras_model_saved_through_a_module_fails_as_in_tensorflow_serving(caller):
    status, text = failure(caller.predict, "wrong", {"x": X})

    assert status is PRECONDITION
    assert text.startswith("Could not find variable")


OTHER_METHODS = {
    "Classify": classification_pb2.ClassificationRequest(),
    "Regress": regression_pb2.RegressionRequest(),
    "MultiInference": inference_pb2.MultiInferenceRequest(),
}


@pytest.mark.parametrize(("method", "request_"), OTHER_METHODS.items(), ids=OTHER_METHODS)
def test_other_prediction_methods_are_unimplemented(caller, method, request_):
    assert failure(getattr(caller.prediction, method), request_)[0] is grpc.StatusCode.UNIMPLEMENTED


def test_the_deadline_stops_the_work(caller):
    endless = {"loops": np.array([2**62], np.int64)}

    started = time.monotonic()
    status, _ = failure(caller.predict, "toy", endless, signature="count", timeout=0.5)

    assert status is grpc.StatusCode.DEADLINE_EXCEEDED
    assert time.monotonic() - started < 20


def test_tensorflow_is_not_asked_to_cast(caller):
    request = {"images": tf.make_tensor_proto(np.ones((1, 8, 8, 3), np.float32))}

    assert failure(caller.predict, "toy", request, signature="images") == (
        INVALID,
        "Expects arg[0] to be uint8 but float is provided",
    )
