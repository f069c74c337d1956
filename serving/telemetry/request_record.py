"""What is seen of one request while it is under way: the stages it passes, what it carries, its trace.

The log, the metrics and the traces all read this one record. It travels in the context of the request's task
and of the tasks that it starts, so that nothing on the way has to hand it on.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from contextvars import ContextVar
from dataclasses import dataclass, field

from serving.request_state import RequestState
from serving.telemetry.stage import Stage
from serving.telemetry.trace_context import TraceContext

_CURRENT: ContextVar[RequestRecord | None] = ContextVar("request_record", default=None)


@dataclass(frozen=True)
class Passage:
    """One image's, or the whole request's, way through a stage; moments of `time.perf_counter`."""

    stage: Stage
    started: float
    ended: float


@dataclass(frozen=True, kw_only=True)
class StageTime:
    """All passages of a request through one stage.

    Attributes:
        started: of the first.
        ended: of the last.
        seconds: during which at least one was under way.
        passages: how many.
    """

    started: float
    ended: float
    seconds: float
    passages: int


@dataclass(kw_only=True, eq=False)
class RequestRecord:
    """Filled from wherever something happens; decode threads too.

    Attributes:
        state: the request's id, model and version.
        trace: of the gateway's own span for this request.
        images: received.
        rejected: of them.
        bytes_in: of the body, as far as it was read.
        code: of the error that the whole request is answered with; empty without one.
        started: a moment of `time.perf_counter`.
        started_ns: the same on the clock, since the epoch.
    """

    state: RequestState
    trace: TraceContext
    images: int = 0
    rejected: int = 0
    bytes_in: int = 0
    code: str = ""
    started: float = field(default_factory=time.perf_counter)
    started_ns: int = field(default_factory=time.time_ns)
    _passages: list[Passage] = field(default_factory=list)

    def passed(self, stage: Stage, seconds: float) -> None:
        """A passage has ended just now."""
        now = time.perf_counter()
        self._passages.append(Passage(stage, now - seconds, now))

    def stages(self) -> Mapping[Stage, StageTime]:
        """Those passed so far, in order."""
        return {
            stage: _stage_time(passages)
            for stage in Stage
            if (passages := [passage for passage in self._passages if passage.stage is stage])
        }


def current_record() -> RequestRecord | None:
    """The record of the request that this code works for; None where it works for none, or for several."""
    return _CURRENT.get()


def answered_with(code: str) -> None:
    """The present request as a whole is answered with the error of this code."""
    if record := current_record():
        record.code = code


def set_current_record(record: RequestRecord) -> None:
    """What this task and those it starts do from now on is seen in that record."""
    _CURRENT.set(record)


def _stage_time(passages: list[Passage]) -> StageTime:
    passages = sorted(passages, key=lambda passage: passage.started)
    seconds, until = 0.0, passages[0].started
    for passage in passages:
        seconds += max(0.0, passage.ended - max(until, passage.started))
        until = max(until, passage.ended)
    return StageTime(started=passages[0].started, ended=until, seconds=seconds, passages=len(passages))
