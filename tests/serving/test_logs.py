from __future__ import annotations

import io
import json
import logging
import threading
import warnings
from typing import Any

import pytest

from serving.telemetry.log_lines import LogFormat, fields
from serving.telemetry.log_output import logging_to

log = logging.getLogger("tests.logs")
FORGED = 'x\n{"level":"info"}\r\x1b[31m\u2028\x85\x9b'


class Stuck(io.StringIO):
    """A stream whose reader sleeps until it is woken."""

    def __init__(self) -> None:
        super().__init__()
        self.awake = threading.Event()
        self.reached = threading.Event()

    def write(self, text: str) -> int:
        self.reached.set()
        self.awake.wait(10)
        return super().write(text)


def written(log_format: LogFormat) -> tuple[io.StringIO, Any]:
    stream = io.StringIO()
    return stream, logging_to(stream, log_format=log_format)


def log_failure(text: str) -> None:
    try:
        int(text)
    except ValueError as exc:
        exc.add_note(text)
        log.exception("it failed")


def test_a_json_line_has_time_level_logger_message_and_the_calls_own_members() -> None:
    stream, logging_there = written(LogFormat.JSON)
    with logging_there:
        log.info("%s is %d", "six", 6, extra=fields(seconds=0.5, model="猫"))

    line = json.loads(stream.getvalue())
    assert line["time"].endswith("Z")
    assert {name: line[name] for name in line if name != "time"} == {
        "level": "info",
        "logger": "tests.logs",
        "message": "six is 6",
        "seconds": 0.5,
        "model": "猫",
    }


@pytest.mark.parametrize("log_format", LogFormat)
def test_nothing_that_is_logged_can_forge_a_line_or_move_the_cursor(log_format: LogFormat) -> None:
    stream, logging_there = written(log_format)
    with logging_there:
        log.info("%s", FORGED, extra=fields(model=FORGED))

    text = stream.getvalue()
    assert len(text.splitlines()) == 1
    assert text.rstrip("\n").isprintable()


def test_an_exception_is_a_member_of_its_json_line() -> None:
    stream, logging_there = written(LogFormat.JSON)
    with logging_there:
        log_failure(FORGED)

    (line,) = stream.getvalue().splitlines()
    assert FORGED in json.loads(line)["exception"]


def test_the_lines_of_a_traceback_are_indented_in_text() -> None:
    stream, logging_there = written(LogFormat.TEXT)
    with logging_there:
        log_failure("2026-01-01 INFO a\n2026-01-01 INFO forged")

    first, *traceback = stream.getvalue().splitlines()
    assert first.endswith("ERROR tests.logs it failed")
    assert traceback
    assert all(line.startswith("  ") for line in traceback)


def test_warnings_of_libraries_are_lines_too() -> None:
    stream, logging_there = written(LogFormat.JSON)
    with logging_there, warnings.catch_warnings():
        warnings.simplefilter("always")
        logging.captureWarnings(capture=True)  # pytest has put its own catcher before it
        warnings.warn("careful", stacklevel=1)

    assert "careful" in json.loads(stream.getvalue())["message"]


def test_everything_logged_is_written_by_the_end() -> None:
    stream, logging_there = written(LogFormat.JSON)
    with logging_there:
        for n in range(2000):
            log.info("%d", n)

    assert [json.loads(line)["message"] for line in stream.getvalue().splitlines()] == [
        str(n) for n in range(2000)
    ]


def test_a_stuck_reader_holds_nobody_up_and_what_it_lost_is_told() -> None:
    stream = Stuck()
    with logging_to(stream, log_format=LogFormat.JSON, max_waiting_lines=3):
        log.info("first")
        assert stream.reached.wait(10)
        for n in range(10):  # three wait, seven are lost; not one of these calls blocks
            log.info("%d", n)
        assert stream.getvalue() == ""
        stream.awake.set()

    messages = [json.loads(line)["message"] for line in stream.getvalue().splitlines()]
    assert messages[:2] == ["first", "7 log lines were lost: what reads the log is too slow"]
    assert messages[2:] == ["0", "1", "2"]


def test_afterwards_logging_is_as_it_was() -> None:
    root = logging.getLogger()
    before = (root.level, list(root.handlers))
    with written(LogFormat.JSON)[1]:
        pass

    assert (root.level, list(root.handlers)) == before
