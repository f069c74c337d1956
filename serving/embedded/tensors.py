"""TensorProto to numpy and back, as TensorFlow Serving reads and writes it.

Reading goes through TensorFlow's own parser, so that it does what the C++ server does: `tensor_content` and
`*_val` are both taken, a short `*_val` list is filled with its last value, an empty one reads as zeros and
surplus values are dropped. Writing always gives `*_val`, which is what the C++ server sends by default.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import tensorflow as tf
from tensorflow.core.framework import tensor_pb2, types_pb2

from serving.embedded.errors import invalid_argument

Array = npt.NDArray[Any]

# Field by the C++ name of the dtype. Complex and quantized types have no use in image models.
_FIELDS = {
    "float": "float_val",
    "double": "double_val",
    "half": "half_val",
    "bfloat16": "half_val",
    "int8": "int_val",
    "int16": "int_val",
    "int32": "int_val",
    "uint8": "int_val",
    "uint16": "int_val",
    "int64": "int64_val",
    "uint32": "uint32_val",
    "uint64": "uint64_val",
    "bool": "bool_val",
    "string": "string_val",
}


def dtype_name(dtype: int) -> str:
    """The C++ name of a DataType, as error texts have it: `float`, not `float32`; '' for an unknown one."""
    if dtype not in types_pb2.DataType.values():
        return ""
    return str(types_pb2.DataType.Name(dtype)).removeprefix("DT_").lower()


def to_array(alias: str, proto: Any) -> Array:
    """Read a TensorProto.

    Args:
        alias: the input's name, for the error text.
        proto: any dtype of `_FIELDS`, any shape.

    Returns:
        An array of the proto's dtype and shape; strings are bytes in an object array, a scalar is 0-d.

    Raises:
        ServingError: INVALID_ARGUMENT; an unknown dtype, an unknown shape, or content of the wrong size.
    """
    try:
        if dtype_name(proto.dtype) not in _FIELDS:
            raise invalid_argument(f"tensor parsing error: {alias}")
        dtype = tf.as_dtype(proto.dtype)
        values = tf.io.parse_tensor(proto.SerializeToString(), dtype).numpy()
    except (tf.errors.OpError, TypeError, ValueError) as exc:
        raise invalid_argument(f"tensor parsing error: {alias}") from exc
    return np.asarray(values, dtype=dtype.as_numpy_dtype)


def to_proto(values: Any, dtype: int) -> Any:
    """Write an array as a TensorProto with `*_val`.

    Args:
        values: what the session returned for one output.
        dtype: the output's DataType in the SignatureDef.

    Raises:
        ServingError: INVALID_ARGUMENT; not a dtype that can be sent.
    """
    name = dtype_name(dtype)
    if name not in _FIELDS:
        raise invalid_argument(f"Output of type {name or dtype} cannot be sent.")
    array = np.asarray(values, dtype=tf.as_dtype(dtype).as_numpy_dtype)
    proto = tensor_pb2.TensorProto(dtype=dtype)
    # The shape is there even where it has no dimension: a client tells a scalar by it.
    proto.tensor_shape.SetInParent()
    for size in array.shape:
        proto.tensor_shape.dim.add(size=size)
    if _FIELDS[name] == "half_val":
        array = array.view(np.uint16)  # 16-bit floats travel as their bits
    getattr(proto, _FIELDS[name]).extend(array.ravel().tolist())
    return proto
