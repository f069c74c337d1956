"""The log's way out: a thread of its own writes, so that a slow reader never holds up a request."""

from __future__ import annotations

import contextlib
import logging
import logging.handlers
import queue
import time
from collections.abc import Iterator
from typing import TextIO

from serving.telemetry.log_lines import LogFormat, exception_text, formatter

# A minute of a busy gateway; some 20 MB where nobody reads at all.
MAX_WAITING_LINES = 20_000
_FLUSH_SECONDS = 5.0
_log = logging.getLogger(__name__)


@contextlib.contextmanager
def logging_to(
    stream: TextIO,
    *,
    log_format: LogFormat,
    level: int = logging.INFO,
    max_waiting_lines: int = MAX_WAITING_LINES,
) -> Iterator[None]:
    """Have all loggers and Python's warnings write to a stream for the block, and all lines out at its end.

    Args:
        stream: a text stream; lines that it cannot take are lost, as logging always does.
        log_format: who reads it.
        level: of the least line worth writing.
        max_waiting_lines: kept while the stream is stuck; those beyond are counted, and told when it goes on.
    """
    writer = logging.StreamHandler(stream)
    writer.setFormatter(formatter(log_format))
    lines: queue.Queue[logging.LogRecord | None] = queue.Queue(max_waiting_lines)
    handler = _Waiting(lines)
    listener = _Writer(lines, writer, waiting=handler)
    root = logging.getLogger()
    root_level = root.level
    root.addHandler(handler)
    root.setLevel(level)
    logging.captureWarnings(capture=True)
    listener.start()
    try:
        yield
    finally:
        logging.captureWarnings(capture=False)
        root.removeHandler(handler)
        root.setLevel(root_level)
        listener.stop()


class _Waiting(logging.handlers.QueueHandler):
    """Puts a line into the queue; it is made into text by the thread that writes."""

    lost = 0

    def prepare(self, record: logging.LogRecord) -> logging.LogRecord:
        """Keep what the call said, not the objects it said it of: a traceback holds on to whole pictures."""
        record.msg, record.args = record.getMessage(), None
        record.exc_text = exception_text(record)
        record.exc_info = None
        return record

    def enqueue(self, record: logging.LogRecord) -> None:
        """Never wait."""
        try:
            self.queue.put_nowait(record)
        except queue.Full:
            self.lost += 1


class _Writer(logging.handlers.QueueListener):
    """Writes what waits, and tells of what was lost."""

    def __init__(
        self, lines: queue.Queue[logging.LogRecord | None], writer: logging.Handler, *, waiting: _Waiting
    ) -> None:
        super().__init__(lines, writer)
        self._lines = lines
        self._waiting = waiting

    def handle(self, record: logging.LogRecord) -> None:
        """Write one line."""
        super().handle(record)
        if self._waiting.lost:
            lost, self._waiting.lost = self._waiting.lost, 0
            text = f"{lost} log lines were lost: what reads the log is too slow"
            super().handle(_log.makeRecord(_log.name, logging.WARNING, "", 0, text, (), None))

    def stop(self) -> None:
        """Write what waits still; a stream that is stuck is left after some seconds."""
        thread = self._thread
        give_up = time.monotonic() + _FLUSH_SECONDS
        with contextlib.suppress(queue.Full):
            self._lines.put(None, timeout=_FLUSH_SECONDS)
        if thread is not None:
            thread.join(max(0.0, give_up - time.monotonic()))
        self._thread = None
