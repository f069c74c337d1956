"""Figures of every epoch for TensorBoard: scalar events, written without TensorBoard itself."""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import tensorflow as tf
from tensorflow.core.framework import summary_pb2
from tensorflow.core.util import event_pb2

from training.errors import RunError

_NOT_FIGURES = ("stage", "epoch")


class EpochEvents:
    """One event file; its steps count the epochs of all stages."""

    def __init__(self, folder: Path, *, first_step: int = 0) -> None:
        """Begin a file.

        Raises:
            RunError: it cannot be written.
        """
        now = time.time()
        self._step = first_step
        self._path = folder / f"events.out.tfevents.{int(now)}.miwake.{uuid.uuid4().hex}"
        with self._one_clear_line():
            folder.mkdir(parents=True, exist_ok=True)
            self._file = tf.io.TFRecordWriter(str(self._path))
        self._write(event_pb2.Event(wall_time=now, file_version="brain.Event:2"))

    def add(self, row: Mapping[str, float]) -> None:
        """Write the figures of one epoch.

        Raises:
            RunError: they cannot be written.
        """
        self._step += 1
        values = [
            summary_pb2.Summary.Value(tag=name, simple_value=value)
            for name, value in row.items()
            if name not in _NOT_FIGURES
        ]
        summary = summary_pb2.Summary(value=values)
        self._write(event_pb2.Event(wall_time=time.time(), step=self._step, summary=summary))

    def close(self) -> None:
        """End the file; nothing can be added afterwards.

        Raises:
            RunError: it cannot be written.
        """
        with self._one_clear_line():
            self._file.close()

    def _write(self, event: event_pb2.Event) -> None:
        with self._one_clear_line():
            self._file.write(event.SerializeToString())
            self._file.flush()

    @contextmanager
    def _one_clear_line(self) -> Iterator[None]:
        try:
            yield
        except OSError as exc:
            raise RunError(f"cannot write events to {self._path}: {exc.strerror}") from exc
        except tf.errors.OpError as exc:
            reason = exc.message.rpartition("; ")[2]
            raise RunError(f"cannot write events to {self._path}: {reason}") from exc
