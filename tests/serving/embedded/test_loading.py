import shutil

import grpc
import numpy as np
import pytest
import tensorflow as tf
from tensorflow_serving.apis import prediction_log_pb2

from serving.embedded import loading
from serving.embedded.errors import ServingError
from serving.embedded.loading import WARMUP_FILE, load_model
from serving.embedded.predict import run_predict
from tests.serving.embedded.tiny_models import predict_request, write_warmup, write_wrongly_saved

pytestmark = pytest.mark.tensorflow

X = {"x": np.ones((1, 2), np.float32)}


@pytest.fixture
def folder(tmp_path, toy_folder):
    return shutil.copytree(toy_folder, tmp_path / "1")


def loading_error(folder):
    with pytest.raises(ServingError) as caught:
        load_model(folder)
    return caught.value


def test_a_loaded_model_answers(folder):
    model = load_model(folder)

    assert list(run_predict(model, predict_request(inputs=X))["y"].float_val) == [2.0]
    model.close()


def test_every_warm_up_request_is_replayed_whatever_model_it_names(folder):
    requests = [
        predict_request("another name", X, version=77),
        predict_request("", {"request": np.zeros(1, np.int32)}, signature="manifest"),
    ]
    write_warmup(folder, *requests)

    load_model(folder).close()


def test_a_warm_up_request_that_fails_breaks_the_version(folder):
    write_warmup(folder, predict_request("toy", X), predict_request("toy", X, signature="nosig"))

    error = loading_error(folder)

    assert error.status is grpc.StatusCode.FAILED_PRECONDITION
    assert error.text == 'Serving signature key "nosig" not found.'


def test_a_truncated_warm_up_file_breaks_the_version(folder):
    write_warmup(folder, predict_request("toy", X))
    file = folder / WARMUP_FILE
    file.write_bytes(file.read_bytes()[:-6])

    assert loading_error(folder).status is grpc.StatusCode.DATA_LOSS


def test_more_warm_up_requests_than_tensorflow_serving_takes_break_the_version(folder):
    write_warmup(folder, *[predict_request("toy", X)] * (loading.MAX_WARMUP_RECORDS + 1))

    assert loading_error(folder).status is grpc.StatusCode.INVALID_ARGUMENT


def test_a_wrongly_saved_model_does_not_survive_its_warm_up(tmp_path):
    folder = write_wrongly_saved(tmp_path / "1")
    write_warmup(folder, predict_request("wrong", X))

    assert loading_error(folder).status is grpc.StatusCode.FAILED_PRECONDITION


def test_an_empty_folder_is_not_a_model(tmp_path):
    error = loading_error(tmp_path)

    assert error.number == 5
    assert "does not exist" in error.text


def test_a_file_that_is_no_saved_model_is_not_a_model(tmp_path):
    (tmp_path / "saved_model.pb").write_bytes(b"garbage")

    assert loading_error(tmp_path).number == 5


def test_a_model_without_its_variables_is_broken(folder):
    shutil.rmtree(folder / "variables")

    assert loading_error(folder).text


def test_damaged_variables_are_reported(folder):
    (folder / "variables" / "variables.index").write_bytes(b"garbage")

    assert loading_error(folder).text


def test_other_kinds_of_warm_up_records_are_skipped(folder, caplog):
    log = prediction_log_pb2.PredictionLog()
    log.classify_log.SetInParent()
    (folder / WARMUP_FILE).parent.mkdir()
    with tf.io.TFRecordWriter(str(folder / WARMUP_FILE)) as writer:
        writer.write(log.SerializeToString())

    load_model(folder).close()

    assert "not a Predict" in caplog.text
