"""How a log line looks: JSON for machines, text for people. Neither can be forged by what a client sends."""

from __future__ import annotations

import json
import logging
import re
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

# All but tab of the control characters of ASCII and Latin-1, and Unicode's own line ends.
_CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f-\x9f\u2028\u2029]")
_FIELDS = "fields"


class LogFormat(StrEnum):
    """Who reads the log."""

    JSON = "json"
    TEXT = "text"


def fields(**members: Any) -> dict[str, dict[str, Any]]:
    """The `extra` of a log call: members of the JSON line; text lines do not show them."""
    return {_FIELDS: members}


def formatter(log_format: LogFormat) -> logging.Formatter:
    """The formatter for one kind of reader."""
    return JsonFormatter() if log_format is LogFormat.JSON else TextFormatter()


class JsonFormatter(logging.Formatter):
    """One JSON object a line: time, level, logger, message, the call's own members, exception.

    Everything outside ASCII is escaped, so that a line is a line for any reader.
    """

    def format(self, record: logging.LogRecord) -> str:
        """The line, without its end."""
        members = {
            "time": _time(record),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
            **getattr(record, _FIELDS, {}),
        }
        if exception := exception_text(record):
            members["exception"] = exception
        return json.dumps(members, ensure_ascii=True, separators=(",", ":"), default=str)


class TextFormatter(logging.Formatter):
    """Time, level, logger and message; a traceback follows indented."""

    def format(self, record: logging.LogRecord) -> str:
        """The line, without its end; several where there is a traceback."""
        line = f"{_time(record)} {record.levelname} {record.name} {_visible(record.getMessage())}"
        exception = exception_text(record)
        return "\n".join([line, *(f"  {_visible(part)}" for part in exception.split("\n") if part)])


def exception_text(record: logging.LogRecord) -> str:
    """The traceback of a line, several lines of its own; empty without one."""
    if record.exc_text is None and record.exc_info:
        return logging.Formatter().formatException(record.exc_info)
    return record.exc_text or ""


def _time(record: logging.LogRecord) -> str:
    """RFC 3339 in UTC, to the millisecond."""
    moment = datetime.fromtimestamp(record.created, UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _visible(text: str) -> str:
    return _CONTROL.sub(lambda found: found[0].encode("unicode_escape").decode("ascii"), text)
