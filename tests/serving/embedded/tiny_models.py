"""Real SavedModels, as small as they get."""

import os
from pathlib import Path

import keras
import tensorflow as tf
from tensorflow_serving.apis import predict_pb2, prediction_log_pb2

from serving.embedded.loading import WARMUP_FILE


def _spec(name, *shape, dtype):
    return tf.TensorSpec(shape, dtype, name=name)


def write_toy(folder: Path, *, scale: float = 1.0) -> Path:
    """x float [N, 2] -> y float [N, 1], the sum of a row times `scale`; and some more signatures."""
    dense = keras.layers.Dense(1, use_bias=False, kernel_initializer=keras.initializers.Constant(scale))
    model = keras.Sequential([keras.Input((2,)), dense])
    archive = keras.export.ExportArchive()
    archive.track(model)

    def endpoint(name, function, *specs):
        archive.add_endpoint(name, function, input_signature=list(specs))

    def count(loops):
        total = tf.while_loop(lambda n: n < loops[0], lambda n: (n + 1,), (tf.constant(0, tf.int64),))[0]
        return {"total": total + tf.zeros_like(loops)}

    x = _spec("x", None, 2, dtype=tf.float32)
    endpoint("serving_default", lambda x: {"y": model(x), "twice": 2 * model(x)}, x)
    endpoint(
        "pair",
        lambda a, b: {"sum": a + b},
        _spec("a", None, dtype=tf.float32),
        _spec("b", None, dtype=tf.float32),
    )
    endpoint(
        "manifest",
        lambda request: {"manifest": tf.fill(tf.shape(request), '{"name":"toy"}')},
        _spec("request", None, dtype=tf.int32),
    )
    endpoint("texts", lambda texts: {"same": tf.identity(texts)}, _spec("texts", None, dtype=tf.string))
    endpoint(
        "images",
        lambda images: {"means": tf.reduce_mean(tf.cast(images, tf.float32), axis=(1, 2, 3))},
        _spec("images", None, 8, 8, 3, dtype=tf.uint8),
    )
    endpoint(
        "rows",
        lambda rows: {"product": tf.matmul(rows, tf.ones((2, 1)))},
        _spec("rows", None, None, dtype=tf.float32),
    )
    endpoint("count", count, _spec("loops", None, dtype=tf.int64))
    endpoint("casts", _casts, _spec("values", None, dtype=tf.float32))
    archive.write_out(str(folder), verbose=False)
    return folder


def _casts(values):
    types = (tf.float64, tf.float16, tf.bfloat16, tf.int8, tf.int64, tf.uint32, tf.uint64, tf.bool)
    outputs = {dtype.name: tf.cast(values, dtype) for dtype in types}
    return {**outputs, "scalar": tf.reduce_sum(values)}


def write_wrongly_saved(folder: Path) -> Path:
    """A Keras 3 model held by a tf.Module: Python loads it, TensorFlow Serving cannot serve it."""
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    module = tf.Module()
    module.model = model
    x = _spec("x", None, 2, dtype=tf.float32)
    function = tf.function(lambda x: {"y": model(x)}, input_signature=[x])
    tf.saved_model.save(module, str(folder), signatures={"serving_default": function})
    return folder


def write_warmup(folder: Path, *requests) -> None:
    """Put the requests into the version's warm-up file."""
    file = folder / WARMUP_FILE
    file.parent.mkdir(exist_ok=True)
    with tf.io.TFRecordWriter(os.fspath(file)) as writer:
        for request in requests:
            log = prediction_log_pb2.PredictionLog()
            log.predict_log.request.CopyFrom(request)
            writer.write(log.SerializeToString())


def predict_request(name="", inputs=None, *, signature="", version=None, label="", outputs=()):  # noqa: PLR0913 - what a request has
    """A PredictRequest; inputs are arrays or ready TensorProtos, by alias."""
    request = predict_pb2.PredictRequest(output_filter=outputs)
    request.model_spec.name = name
    request.model_spec.signature_name = signature
    if version is not None:
        request.model_spec.version.value = version
    if label:
        request.model_spec.version_label = label
    for alias, value in (inputs or {}).items():
        is_proto = hasattr(value, "tensor_shape")
        request.inputs[alias].CopyFrom(value if is_proto else tf.make_tensor_proto(value))
    return request
