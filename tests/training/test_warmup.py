from __future__ import annotations

import pytest

from contract.image_spec import ImageSpec

pytestmark = pytest.mark.tensorflow


@pytest.fixture(scope="module")
def records():
    from training.export.warmup import warmup_records

    return warmup_records(model="flowers", spec=ImageSpec(), max_batch_size=8)


def test_the_records_are_what_tensorflow_serving_reads(records):
    import tensorflow as tf
    from tensorflow_serving.apis.prediction_log_pb2 import PredictionLog

    requests = [PredictionLog.FromString(record).predict_log.request for record in records]

    sizes = [
        tf.make_ndarray(request.inputs["images"]).shape
        for request in requests
        if request.model_spec.signature_name == "serving_default"
    ]
    assert sizes == [(size, 224, 224, 3) for size in (1, 2, 4, 8)]
    assert {request.model_spec.name for request in requests} == {"flowers"}
    assert [(r.model_spec.signature_name, sorted(r.inputs)) for r in requests[4:]] == [
        ("explain", ["class_index", "images"]),
        ("embed", ["images"]),
        ("manifest", ["request"]),
    ]
    assert set(tf.make_ndarray(requests[0].inputs["images"]).flat) == {128}


def test_the_records_are_the_bytes_the_real_classes_write(records):
    from tensorflow_serving.apis.prediction_log_pb2 import PredictionLog

    for record in records:
        again = PredictionLog.FromString(record).SerializeToString(deterministic=True)
        assert len(again) == len(record)
        assert PredictionLog.FromString(again) == PredictionLog.FromString(record)


def test_a_record_is_small(records):
    assert max(map(len, records)) < 150


def test_long_values_have_long_lengths():
    from tensorflow_serving.apis.prediction_log_pb2 import PredictionLog

    from training.export.warmup import warmup_records

    for record in warmup_records(model="n" * 300, spec=ImageSpec(), max_batch_size=1):
        assert PredictionLog.FromString(record).predict_log.request.model_spec.name == "n" * 300
