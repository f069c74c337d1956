"""One line for each request: what was asked, what came of it, where the time went. No content, no secrets."""

from __future__ import annotations

import logging
from typing import Any

from serving.telemetry.log_lines import fields
from serving.telemetry.spans import EndedRequest

_log = logging.getLogger("serving.requests")
_SERVER_ERROR = 500
_DECIMALS = 6  # microseconds


def log_request(ended: EndedRequest) -> None:
    """Write it; a failure of the gateway's or the model server's as a warning."""
    level = logging.WARNING if ended.status >= _SERVER_ERROR else logging.INFO
    record = ended.record
    line = (ended.method, ended.route, ended.status, 1000 * ended.seconds, record.state.request_id)
    _log.log(level, "%s %s %d in %.1f ms, request %s", *line, extra=fields(**_members(ended)))


def _members(ended: EndedRequest) -> dict[str, Any]:
    record = ended.record
    return {
        "method": ended.method,
        "route": ended.route,
        "status": ended.status,
        "code": record.code,
        "seconds": round(ended.seconds, _DECIMALS),
        "stage_seconds": {stage: round(time.seconds, _DECIMALS) for stage, time in record.stages().items()},
        "request_id": record.state.request_id,
        "trace_id": record.trace.trace_id,
        "span_id": record.trace.span_id,
        "model": record.state.model,
        "version": record.state.version,
        "images": record.images,
        "rejected": record.rejected,
        "bytes_in": record.bytes_in,
        "caller": record.state.caller.digest,
        "client": ended.client,
    }
