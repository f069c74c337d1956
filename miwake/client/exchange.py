"""One call from its first attempt to its answer, without any input or output.

As httpx's authentication flows: a generator yields what is to be sent and is sent what came of it. The two
clients differ in who waits and who sends, and in nothing else.
"""

from __future__ import annotations

import ssl
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias, TypeVar

import httpx

from miwake.client.errors import DeadlineExceededError, GatewayError, UnreachableError
from miwake.client.replies import Reply, error_of_reply
from miwake.client.retries import Retries

# A host that is away often drops packets: this leaves time for other attempts.
_CONNECT_SECONDS = 5.0
# The gateway is told a little less than there is, so that its answer ends a call and not our patience.
_GATEWAYS_SHARE = 0.95
_BROKEN = httpx.NetworkError | httpx.RemoteProtocolError | httpx.ConnectTimeout


@dataclass(frozen=True, kw_only=True)
class Call:
    """What is asked, whenever it is sent."""

    method: str
    path: str
    request_id: str
    parameters: Mapping[str, str | int] = field(default_factory=dict)
    images: Sequence[bytes] = field(default=(), repr=False)


@dataclass(frozen=True, kw_only=True)
class Attempt:
    """To be sent after a pause.

    Attributes:
        call: what is to be sent.
        pause_seconds: before it is.
        give_up_at: by the client's clock.
    """

    call: Call
    pause_seconds: float
    give_up_at: float


Outcome: TypeAlias = Reply | httpx.TransportError | httpx.DecodingError | TimeoutError
Answer = TypeVar("Answer")
Flow: TypeAlias = Generator[Attempt, Outcome, Answer]


def exchange(
    call: Call, *, where: str, retries: Retries, now: Callable[[], float], give_up_at: float
) -> Flow[Reply]:
    """Send until there is an answer, or it makes no sense to go on.

    Args:
        call: what is sent.
        where: the gateway's URL, for errors.
        retries: how often, and after how long.
        now: the client's clock.
        give_up_at: by that clock.

    Returns:
        What answers the call; also where it answers each of its images with an error.

    Raises:
        GatewayError: no answer; `retries` allow no other attempt, or there is no time for it.
    """
    pause, attempts_made = 0.0, 0
    while True:
        outcome = yield Attempt(call=call, pause_seconds=pause, give_up_at=give_up_at)
        attempts_made += 1
        result = _result_of(outcome, call, where)
        if isinstance(result, Reply):
            return result
        after = None if _is_for_good(outcome) else retries.pause_seconds(result, attempts_made=attempts_made)
        if after is None or now() + after >= give_up_at:
            raise result from (outcome if isinstance(outcome, Exception) else None)
        pause = after


def request_of(http: httpx.Client | httpx.AsyncClient, call: Call, *, seconds: float) -> httpx.Request:
    """The request of an attempt that has this much time left."""
    headers = {"X-Request-ID": call.request_id}
    if len(call.images) == 1:
        headers["Content-Type"] = "application/octet-stream"  # the gateway looks for itself
    if call.images:
        headers["X-Request-Timeout"] = f"{max(seconds * _GATEWAYS_SHARE, 0.001):.3f}"
    timeout = httpx.Timeout(seconds, connect=min(seconds, _CONNECT_SECONDS))
    return http.build_request(
        call.method, call.path, params=call.parameters, headers=headers, timeout=timeout, **_body(call.images)
    )


def _body(images: Sequence[bytes]) -> dict[str, Any]:
    """One image is sent as it is, several as parts. Their names stay here: the answers are in their order."""
    if len(images) > 1:
        return {"files": [("image", ("image", image)) for image in images]}
    return {"content": images[0]} if images else {}


def _result_of(outcome: Outcome, call: Call, where: str) -> Reply | GatewayError:
    match outcome:
        case Reply():
            return error_of_reply(outcome, request_id=call.request_id) or outcome
        case TimeoutError() | httpx.ReadTimeout() | httpx.WriteTimeout() | httpx.PoolTimeout():
            return DeadlineExceededError(f"{where}: no answer in time", request_id=call.request_id)
        case _:
            text = str(outcome) or type(outcome).__name__
            error = UnreachableError if isinstance(outcome, _BROKEN) else GatewayError
            return error(f"{where}: {text}", request_id=call.request_id)


def _is_for_good(outcome: Outcome) -> bool:
    """Whether the connection was refused for what the other side is: its certificate is not trusted."""
    cause: BaseException | None = outcome if isinstance(outcome, Exception) else None
    while cause is not None:
        if isinstance(cause, ssl.SSLCertVerificationError):
            return True
        cause = cause.__cause__ or cause.__context__
    return False
