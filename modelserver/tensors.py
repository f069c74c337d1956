"""numpy arrays to tensor messages and back.

Out goes `tensor_content` (one copy of the bytes); in come both encodings, because TensorFlow Serving
answers with `*_val` lists unless it is told otherwise.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from modelserver.errors import UnexpectedAnswerError
from modelserver.messages import prediction_pb2 as pb

_DTYPES: dict[pb.DataType, tuple[np.dtype[Any], str]] = {
    pb.DT_FLOAT: (np.dtype(np.float32), "float_val"),
    pb.DT_DOUBLE: (np.dtype(np.float64), "double_val"),
    pb.DT_INT32: (np.dtype(np.int32), "int_val"),
    pb.DT_UINT8: (np.dtype(np.uint8), "int_val"),
    pb.DT_INT64: (np.dtype(np.int64), "int64_val"),
    pb.DT_BOOL: (np.dtype(np.bool_), "bool_val"),
    pb.DT_STRING: (np.dtype(np.object_), "string_val"),
}
_DATA_TYPES = {dtype: data_type for data_type, (dtype, _) in _DTYPES.items()}


def to_message(array: npt.NDArray[Any]) -> pb.Tensor:
    """Encode an array of numbers.

    Raises:
        KeyError: a dtype this project never sends.
    """
    message = pb.Tensor()
    write(array, message)
    return message


def write(array: npt.NDArray[Any], message: pb.Tensor) -> None:
    """Encode an array of numbers where it is to stand: a batch that is put there afterwards is copied again.

    Raises:
        KeyError: a dtype this project never sends.
    """
    message.dtype = _DATA_TYPES[array.dtype]
    message.tensor_shape.dim.extend(pb.TensorShape.Dim(size=size) for size in array.shape)
    message.tensor_content = array.tobytes()


def to_array(message: pb.Tensor) -> npt.NDArray[Any]:
    """Decode a tensor; strings become an object array of bytes.

    Raises:
        UnexpectedAnswerError: a type this project does not read, or fewer values than the shape says.
    """
    if message.dtype not in _DTYPES:
        raise UnexpectedAnswerError(f"the model server sent a tensor of unknown type {message.dtype}")
    shape = tuple(dim.size for dim in message.tensor_shape.dim)
    try:
        if any(size < 0 for size in shape):  # numpy would take it for 'whatever fits'
            raise ValueError(shape)  # noqa: TRY301 - one way out
        values = _values(message)
        # TensorFlow writes a constant tensor as one value.
        return np.broadcast_to(values.reshape(()), shape) if values.size == 1 else values.reshape(shape)
    except ValueError as exc:  # no whole number of values, or not as many as the shape says
        raise UnexpectedAnswerError("the model server sent a broken tensor") from exc


def _values(message: pb.Tensor) -> npt.NDArray[Any]:
    dtype, field = _DTYPES[message.dtype]
    if content := message.tensor_content:  # read once: each time is a copy
        return np.frombuffer(content, dtype=dtype)
    return np.array(getattr(message, field), dtype=dtype)
