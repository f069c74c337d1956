"""From a version's folder to a model that is ready to answer: load, then replay the warm-up requests."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import tensorflow as tf
from tensorflow_serving.apis import prediction_log_pb2

from serving.embedded.errors import invalid_argument
from serving.embedded.predict import run_predict
from serving.embedded.session_model import SessionModel, load_session_model, loading_error

WARMUP_FILE = "assets.extra/tf_serving_warmup_requests"
# TensorFlow Serving's own limit.
MAX_WARMUP_RECORDS = 1000

_LOG = logging.getLogger(__name__)


def load_model(folder: Path) -> SessionModel:
    """Load a version and warm it up.

    Raises:
        ServingError: not a SavedModel, a broken one, or a warm-up request that fails.
    """
    _LOG.info("loading %s", folder)
    started = time.monotonic()
    try:
        model = load_session_model(folder)
        _warm_up_or_close(model, folder / WARMUP_FILE)
    # A folder that holds anything may raise anything, and a broken version must not end the watcher.
    except Exception as exc:
        raise loading_error(exc) from exc
    _LOG.info("loaded %s in %.1f s", folder, time.monotonic() - started)
    return model


def _warm_up_or_close(model: SessionModel, file: Path) -> None:
    try:
        for request in _warmup_requests(file):
            run_predict(model, request)
    except BaseException:
        model.close()
        raise


def _warmup_requests(file: Path) -> Iterator[Any]:
    """Yield the PredictRequests of a TFRecord file of PredictionLogs; none where there is no file.

    Raises:
        ServingError: INVALID_ARGUMENT; more records than TensorFlow Serving takes.
        tf.errors.DataLossError: a truncated or damaged file.
    """
    if not file.exists():
        return
    for index, record in enumerate(tf.data.TFRecordDataset(str(file))):
        if index >= MAX_WARMUP_RECORDS:
            raise invalid_argument(f"Number of warmup records exceeds the maximum ({MAX_WARMUP_RECORDS})")
        log = prediction_log_pb2.PredictionLog.FromString(record.numpy())
        if log.WhichOneof("log_type") != "predict_log":
            _LOG.warning("skipped warm-up record %d of %s: not a Predict", index, file)
            continue
        yield log.predict_log.request
