"""What is around every call: who calls, its id, what is seen of it, its errors as statuses."""

from __future__ import annotations

import asyncio
import logging
import math
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

import grpc
import grpc.aio

from contract.errors import MiwakeError
from modelserver.errors import OverloadedError
from serving.callers.callers import Callers
from serving.callers.credential import joined
from serving.callers.errors import RateLimitedError
from serving.errors import BodyTooSlowError, MalformedBodyError
from serving.gateway import Gateway
from serving.grpc.places import Places
from serving.grpc.statuses import STATUS_BY_CODE
from serving.http.problems import STATUS_BY_CODE as HTTP_STATUS_BY_CODE
from serving.load.admission import HeldBytes
from serving.load.deadline import Deadline
from serving.request_state import RequestState, safe_request_id
from serving.telemetry.observation import Observation
from serving.telemetry.request_record import answered_with
from serving.telemetry.spans import Tracer

_log = logging.getLogger(__name__)
REQUEST_ID = "x-request-id"
# The trailer that tells errors apart where several have one status.
CODE = "miwake-code"
# In whole seconds, as over HTTP.
RETRY_AFTER = "retry-after"
# A status travels in the trailers, which clients limit to 8 KiB.
_MAX_TEXT_LENGTH = 1024
# nginx' word for a client that hung up; no answer goes out, only the metric and the log see it.
_CLIENT_GONE_STATUS = 499

_Context = grpc.aio.ServicerContext[Any, Any]


@dataclass(frozen=True, kw_only=True)
class Call:
    """One call, before its message is read.

    Attributes:
        headers: its metadata; names in lower case.
        state: its id, its caller, and what becomes known.
        deadline: the client's, at most what one may have; None where it sets none.
        read: gives the message's bytes, which count as under way until the call ends.
    """

    headers: Mapping[str, str]
    state: RequestState
    deadline: Deadline | None
    read: Callable[[], Awaitable[bytes]]


Method = Callable[[Call], Awaitable[Any]]


class Calls:
    """Makes handlers of methods."""

    def __init__(self, gateway: Gateway, *, tracer: Tracer) -> None:
        self._gateway = gateway
        self._tracer = tracer
        self._places = Places.for_methods(gateway)
        self._health_places = Places.for_health(gateway)

    def handler(
        self, name: str, method: Method, *, is_probe: bool = False
    ) -> grpc.RpcMethodHandler[Any, Any]:
        """What gRPC calls.

        To gRPC the request is a stream, on the wire there is no difference: so the caller is known before its
        message is read, and has a limited time to send it.

        Args:
            name: of the method, for metrics and the log.
            method: takes a call, gives the answer's message; raises MiwakeError.
            is_probe: for anyone, without a key; has places of its own.
        """
        places = self._health_places if is_probe else self._places
        method = _placed(places, method)
        if not is_probe:
            method = _for(self._gateway.callers, method)

        # gRPC's iterator of messages would keep the last one until the garbage collector comes by.
        async def handle(_messages: AsyncIterator[bytes], context: _Context) -> bytes:
            return await self._handle(context, name=name, method=method, places=places)

        return grpc.stream_unary_rpc_method_handler(handle)

    async def _handle(self, context: _Context, *, name: str, method: Method, places: Places) -> bytes:
        pairs = [(key, value) for key, value in context.invocation_metadata() or () if isinstance(value, str)]
        headers = joined(pairs)
        state = RequestState(request_id=safe_request_id(headers.get(REQUEST_ID, "")))
        observation = self._observe(state, pairs)
        deadline = _deadline(context, self._gateway.settings.max_timeout_seconds)

        async def answering(held: HeldBytes) -> bytes:
            async def read() -> bytes:
                data = await _message(context, deadline, places, held)
                observation.record.bytes_in = len(data)
                held.caller = state.caller.digest  # until now it held room for any message, not its own
                held.hold(len(data))
                return data

            call = Call(headers=headers, state=state, deadline=deadline, read=read)
            answer: bytes = (await method(call)).SerializeToString()
            return answer

        outcome = _CLIENT_GONE
        try:
            await context.send_initial_metadata(((REQUEST_ID, state.request_id),))
            with self._gateway.admission.growing() as held:
                outcome = await _outcome(answering(held), request_id=state.request_id)
        finally:
            if outcome is _CLIENT_GONE and deadline is not None and deadline.at <= time.monotonic():
                outcome = _LATE
            if outcome.code:
                answered_with(outcome.code)
            observation.end(
                method="POST",
                route=f"grpc:{name}",
                status=_http_status(outcome.code),
                client=_host(context.peer()),
            )
        if outcome.code:
            await context.abort(
                STATUS_BY_CODE[outcome.code],
                outcome.text[:_MAX_TEXT_LENGTH],
                trailing_metadata=((CODE, outcome.code), *outcome.retry_after),
            )
        return outcome.answer

    def _observe(self, state: RequestState, pairs: Sequence[tuple[str, str]]) -> Observation:
        return Observation(
            state,
            metrics=self._gateway.metrics,
            tracer=self._tracer,
            traceparents=[value for key, value in pairs if key == "traceparent"],
            tracestates=[value for key, value in pairs if key == "tracestate"],
        )


@dataclass(frozen=True, kw_only=True)
class _Outcome:
    """An answer, or else the code and text of what befell the call."""

    answer: bytes = b""
    code: str = ""
    text: str = ""
    retry_after: tuple[tuple[str, str], ...] = ()


_CLIENT_GONE = _Outcome(code="client_gone")
_LATE = _Outcome(code="deadline_exceeded")


async def _outcome(answering: Awaitable[bytes], *, request_id: str) -> _Outcome:
    try:
        return _Outcome(answer=await answering)
    except (OverloadedError, RateLimitedError) as exc:
        seconds = str(max(1, math.ceil(exc.retry_after_seconds)))
        return _Outcome(code=exc.code, text=str(exc), retry_after=((RETRY_AFTER, seconds),))
    except MiwakeError as exc:
        return _Outcome(code=exc.code, text=str(exc))
    # A fault of ours: the log has all of it, the client none of it.
    except Exception:  # noqa: BLE001
        _log.exception("unexpected error in request %s", request_id)
        return _Outcome(code="internal", text="an unexpected error; see the log")


def _placed(places: Places, method: Method) -> Method:
    """The same method for as many calls at once as there are places."""

    async def placed(call: Call) -> Any:
        with places.one(call.state.caller.digest):
            return await method(call)

    return placed


def _for(callers: Callers, method: Method) -> Method:
    """The same method for callers that are known, as often as they may call."""

    async def admitting(call: Call) -> Any:
        call.state.caller = callers.authenticate(call.headers)
        callers.spend(call.state.caller)
        return await method(call)

    return admitting


async def _message(context: _Context, deadline: Deadline | None, places: Places, held: HeldBytes) -> bytes:
    """The one message of a call.

    Raises:
        BodyTooSlowError: it did not arrive in time.
        MalformedBodyError: it did not arrive at all.
        OverloadedError: there is no room for it while it arrives.
    """
    seconds = places.seconds if deadline is None else min(places.seconds, deadline.remaining_seconds())
    try:
        async with asyncio.timeout(seconds), places.reading(held):
            message = await context.read()
    except TimeoutError as exc:
        raise BodyTooSlowError(f"the message did not arrive within {seconds:g} s") from exc
    if not isinstance(message, bytes):
        raise MalformedBodyError("the call has no message, or one that is too large")
    return message


def _deadline(context: _Context, max_seconds: float) -> Deadline | None:
    remaining = context.time_remaining()
    return None if remaining is None else Deadline.after(min(remaining, max_seconds))


def _http_status(code: str) -> int:
    """Metrics and log speak of both ports in the same statuses."""
    if not code:
        return 200
    return _CLIENT_GONE_STATUS if code == _CLIENT_GONE.code else int(HTTP_STATUS_BY_CODE[code])


def _host(peer: str) -> str:
    """Of gRPC's `ipv4:127.0.0.1:40000` or `ipv6:%5B::1%5D:40000`."""
    return unquote(peer).partition(":")[2].rpartition(":")[0].strip("[]")
