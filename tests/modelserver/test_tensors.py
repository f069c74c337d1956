from __future__ import annotations

import numpy as np
import pytest

from modelserver.errors import UnexpectedAnswerError
from modelserver.messages import prediction_pb2 as pb
from modelserver.tensors import to_array, to_message


def shape(*sizes: int) -> pb.TensorShape:
    return pb.TensorShape(dim=[pb.TensorShape.Dim(size=size) for size in sizes])


@pytest.mark.parametrize("dtype", [np.uint8, np.int32, np.int64, np.float32, np.float64, np.bool_])
def test_numbers_go_out_as_content_and_come_back_equal(dtype: type) -> None:
    array = np.arange(6).reshape(2, 3).astype(dtype)

    message = to_message(array)

    assert message.tensor_content
    assert np.array_equal(to_array(message), array)
    assert to_array(message).dtype == dtype


@pytest.mark.parametrize(
    ("data_type", "field", "values"),
    [
        (pb.DT_FLOAT, "float_val", [0.5, 1.5]),
        (pb.DT_DOUBLE, "double_val", [0.5, 1.5]),
        (pb.DT_INT32, "int_val", [1, 2]),
        (pb.DT_UINT8, "int_val", [1, 2]),
        (pb.DT_INT64, "int64_val", [1, 2]),
        (pb.DT_BOOL, "bool_val", [True, False]),
        (pb.DT_STRING, "string_val", [b"a", b"b"]),
    ],
)
def test_value_lists_are_read(data_type: pb.DataType, field: str, values: list[object]) -> None:
    message = pb.Tensor(dtype=data_type, tensor_shape=shape(2), **{field: values})  # type: ignore[arg-type]

    assert to_array(message).tolist() == values


def test_one_value_stands_for_all() -> None:
    message = pb.Tensor(dtype=pb.DT_FLOAT, tensor_shape=shape(2, 2), float_val=[0.25])

    assert to_array(message).tolist() == [[0.25, 0.25], [0.25, 0.25]]


def test_a_type_we_do_not_know_is_refused() -> None:
    with pytest.raises(UnexpectedAnswerError, match="unknown type"):
        to_array(pb.Tensor(dtype=pb.DT_INVALID))


@pytest.mark.parametrize(
    "message",
    [
        pb.Tensor(dtype=pb.DT_FLOAT, tensor_shape=shape(3), float_val=[1, 2]),
        pb.Tensor(dtype=pb.DT_FLOAT, tensor_shape=shape(1), tensor_content=b"abc"),
        pb.Tensor(dtype=pb.DT_FLOAT, tensor_shape=shape(-3), float_val=[1, 2]),
        pb.Tensor(dtype=pb.DT_FLOAT, tensor_shape=shape(*[1] * 80), float_val=[1]),
    ],
    ids=["too few values", "no whole values", "a negative dimension", "80 dimensions"],
)
def test_a_broken_tensor_is_refused(message: pb.Tensor) -> None:
    with pytest.raises(UnexpectedAnswerError, match="broken tensor"):
        to_array(message)
