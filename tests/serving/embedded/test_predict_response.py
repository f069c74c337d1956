import numpy as np
import pytest
import tensorflow as tf
from tensorflow.core.framework import tensor_pb2

pytestmark = pytest.mark.tensorflow

X = np.array([[1, 2], [3, 4]], np.float32)


def short_list(dtype, *shape, **values):
    proto = tensor_pb2.TensorProto(dtype=dtype, **values)
    for size in shape:
        proto.tensor_shape.dim.add(size=size)
    return proto


def test_the_answer_says_which_version_and_signature_gave_it(caller):
    spec = caller.predict("toy", {"x": X}).model_spec

    assert (spec.name, spec.version.value, spec.signature_name) == ("toy", 4, "serving_default")


def test_the_signature_asked_for_is_the_one_that_answers(caller):
    response = caller.predict("toy", {"request": np.zeros(2, np.int32)}, signature="manifest", version=4)

    assert response.model_spec.signature_name == "manifest"
    assert response.outputs["manifest"].string_val == [b'{"name":"toy"}'] * 2


def test_outputs_are_lists_of_values_and_not_tensor_content(caller):
    outputs = caller.predict("toy", {"x": X}).outputs

    assert sorted(outputs) == ["twice", "y"]
    assert list(outputs["y"].float_val) == [3.0, 7.0]
    assert outputs["y"].tensor_content == b""
    assert [dim.size for dim in outputs["y"].tensor_shape.dim] == [2, 1]


def test_the_output_filter_chooses_the_outputs(caller):
    response = caller.predict("toy", {"x": X}, outputs=["twice"])

    assert {alias: list(proto.float_val) for alias, proto in response.outputs.items()} == {"twice": [6, 14]}


@pytest.mark.parametrize(
    ("proto", "expected"),
    [
        (short_list(1, 2, 2, tensor_content=X.tobytes()), [3, 7]),
        (short_list(1, 2, 2, float_val=[1, 2, 3, 4]), [3, 7]),
        (short_list(1, 2, 2, float_val=[5]), [10, 10]),
        (short_list(1, 2, 2, float_val=[1, 2]), [3, 4]),
        (short_list(1, 2, 2), [0, 0]),
        (short_list(1, 1, 2, float_val=[1, 2, 3, 4]), [3]),
    ],
    ids=["content", "values", "one value", "short list", "empty", "surplus"],
)
def test_every_encoding_of_an_input_is_read(caller, proto, expected):
    assert list(caller.predict("toy", {"x": proto}).outputs["y"].float_val) == expected


def test_one_broadcast_value_is_a_whole_batch_of_images(caller):
    images = short_list(tf.uint8.as_datatype_enum, 4, 8, 8, 3, int_val=[7])

    response = caller.predict("toy", {"images": images}, signature="images")

    assert list(response.outputs["means"].float_val) == [7.0] * 4


def test_a_signature_with_two_inputs_takes_both(caller):
    inputs = {"b": np.array([1.5], np.float32), "a": np.array([2.0], np.float32)}

    assert list(caller.predict("toy", inputs, signature="pair").outputs["sum"].float_val) == [3.5]


def test_strings_keep_their_zero_bytes(caller):
    texts = short_list(tf.string.as_datatype_enum, 2, string_val=[b"a\0", b"\xff\0"])

    assert list(caller.predict("toy", {"texts": texts}, signature="texts").outputs["same"].string_val) == [
        b"a\0",
        b"\xff\0",
    ]


@pytest.mark.parametrize(
    ("alias", "field"),
    [
        ("float64", "double_val"),
        ("float16", "half_val"),
        ("bfloat16", "half_val"),
        ("int8", "int_val"),
        ("int64", "int64_val"),
        ("uint32", "uint32_val"),
        ("uint64", "uint64_val"),
        ("bool", "bool_val"),
        ("scalar", "float_val"),
    ],
)
def test_every_dtype_of_an_output_has_its_field(caller, alias, field):
    values = np.array([0, 1, 2], np.float32)

    proto = caller.predict("toy", {"values": values}, signature="casts", outputs=[alias]).outputs[alias]

    assert len(getattr(proto, field)) == (1 if alias == "scalar" else 3)
    expected = 3 if alias == "scalar" else values.astype(tf.as_dtype(alias).as_numpy_dtype)
    np.testing.assert_array_equal(tf.make_ndarray(proto), expected)


def test_a_request_of_many_megabytes_is_taken(caller):
    images = np.full((100_000, 8, 8, 3), 9, np.uint8)

    response = caller.predict("toy", {"images": images}, signature="images")

    assert len(response.outputs["means"].float_val) == 100_000
