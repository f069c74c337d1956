"""Figures of every epoch for TensorBoard: scalar events, written without TensorBoard itself."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path

import tensorflow as tf
from tensorflow.core.framework import summary_pb2
from tensorflow.core.util import event_pb2

_NOT_FIGURES = ("stage", "epoch")


class EpochEvents:
    """One event file; its steps count the epochs of all stages."""

    def __init__(self, folder: Path, *, first_step: int = 0) -> None:
        """Begin a file.

        Raises:
            tensorflow.errors.OpError: it cannot be written.
        """
        folder.mkdir(parents=True, exist_ok=True)
        now = time.time()
        self._step = first_step
        self._file = tf.io.TFRecordWriter(str(folder / f"events.out.tfevents.{int(now)}.miwake"))
        self._write(event_pb2.Event(wall_time=now, file_version="brain.Event:2"))

    def add(self, row: Mapping[str, float]) -> None:
        """Write the figures of one epoch."""
        self._step += 1
        values = [
            summary_pb2.Summary.Value(tag=name, simple_value=value)
            for name, value in row.items()
            if name not in _NOT_FIGURES
        ]
        summary = summary_pb2.Summary(value=values)
        self._write(event_pb2.Event(wall_time=time.time(), step=self._step, summary=summary))

    def _write(self, event: event_pb2.Event) -> None:
        self._file.write(event.SerializeToString())
        self._file.flush()
