"""Requests TensorFlow Serving replays before a version is AVAILABLE, so that no user waits for the first run.

The file is a TFRecord of `tensorflow.serving.PredictionLog` messages. tensorflow-serving-api, which has the
classes for them, takes seconds and half a gigabyte to import, so the few fields needed are written here; a
test parses them with the real classes. The field numbers are those of tensorflow_serving/apis/
{prediction_log,predict,model}.proto.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import tensorflow as tf
from tensorflow.core.framework import tensor_pb2

from contract import signatures
from contract.batch_sizes import batch_sizes
from contract.image_spec import ImageSpec

WARMUP_FILE = "assets.extra/tf_serving_warmup_requests"
_GRAY = 128
_LENGTH_DELIMITED = 2


def write_warmup(path: Path, *, model: str, spec: ImageSpec, max_batch_size: int) -> None:
    """Write one request a batch size for `serving_default` and one for each other signature.

    Raises:
        tensorflow.errors.OpError: the file cannot be written.
    """
    with tf.io.TFRecordWriter(str(path)) as writer:
        for record in warmup_records(model=model, spec=spec, max_batch_size=max_batch_size):
            writer.write(record)


def warmup_records(*, model: str, spec: ImageSpec, max_batch_size: int) -> list[bytes]:
    """The encoded PredictionLog messages."""
    one_image = {signatures.IMAGES: _images(1, spec)}
    index = {signatures.CLASS_INDEX: _tensor(tf.int32, (1,), 0)}
    request = {signatures.REQUEST: _tensor(tf.int32, (1,), 0)}
    return [
        *(
            _record(model, signatures.SERVING_DEFAULT, {signatures.IMAGES: _images(size, spec)})
            for size in batch_sizes(max_batch_size)
        ),
        _record(model, signatures.EXPLAIN, one_image | index),
        _record(model, signatures.EMBED, one_image),
        _record(model, signatures.MANIFEST, request),
    ]


def _images(count: int, spec: ImageSpec) -> bytes:
    return _tensor(tf.uint8, (count, *spec.shape), _GRAY)


def _tensor(dtype: Any, shape: tuple[int, ...], value: int) -> bytes:
    """A TensorProto whose single value stands for all: 25 bytes instead of megabytes."""
    tensor = tensor_pb2.TensorProto(dtype=dtype.as_datatype_enum, int_val=[value])
    tensor.tensor_shape.CopyFrom(tf.TensorShape(shape).as_proto())
    return bytes(tensor.SerializeToString())


def _record(model: str, signature: str, inputs: dict[str, bytes]) -> bytes:
    """PredictionLog{predict_log=6: PredictLog{request=1: PredictRequest}}."""
    spec = _field(1, model.encode()) + _field(3, signature.encode())  # ModelSpec: name, signature_name
    entries = (_field(1, name.encode()) + _field(2, tensor) for name, tensor in inputs.items())
    request = _field(1, spec) + b"".join(_field(2, entry) for entry in entries)  # model_spec, inputs
    return _field(6, _field(1, request))


def _field(number: int, payload: bytes) -> bytes:
    """A length-delimited field (protobuf.dev/programming-guides/encoding): tag, length, payload."""
    return _varint(number << 3 | _LENGTH_DELIMITED) + _varint(len(payload)) + payload


def _varint(value: int) -> bytes:
    """Seven bits a byte, lowest first, the eighth bit set on all but the last."""
    encoded = bytearray()
    while value > 0x7F:  # noqa: PLR2004 - seven bits
        encoded.append(value & 0x7F | 0x80)
        value >>= 7
    encoded.append(value)
    return bytes(encoded)
