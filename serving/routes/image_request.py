"""What every route that takes images does first: model known, place held, body read, deadline set."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Annotated, Protocol

from fastapi import Depends, Header, Query, Request

from contract.errors import ImageError
from serving.asking import ImagesRequest, VersionChoice
from serving.bodies.named_image import NamedImage, NamedUrl
from serving.bodies.receive import BodyLimits, receive_images
from serving.errors import InvalidParameterError
from serving.fetch.byte_budget import ByteBudget
from serving.fetch.images import fetch_images
from serving.gateway import Gateway
from serving.http.on_the_loop import on_the_loop
from serving.http.while_connected import while_connected
from serving.load.admission import HeldBytes
from serving.load.deadline import Deadline
from serving.load.lane import Kind
from serving.request_state import request_state
from serving.telemetry.metrics import Stage

TIMEOUT_HEADER = "X-Request-Timeout"
ROUTING_KEY_HEADER = "X-Routing-Key"


@dataclass(frozen=True, kw_only=True)
class ImageParameters:
    """Query parameters and headers that all these routes share."""

    version: Annotated[
        int | None, Query(ge=0, description="A concrete version; else the one that answers now.")
    ] = None
    version_label: Annotated[
        str | None,
        Query(
            min_length=1,
            max_length=100,
            description="An alias of models.toml, or a label of the model server's own.",
        ),
    ] = None
    timeout_seconds: Annotated[
        float | None,
        Header(
            alias=TIMEOUT_HEADER,
            gt=0,
            examples=[5],
            description="Seconds the whole request may take, its body included.",
        ),
    ] = None
    routing_key: Annotated[
        str,
        Header(
            alias=ROUTING_KEY_HEADER,
            max_length=256,
            description="Requests of one key fall into a canary's share together.",
        ),
    ] = ""


TheImageParameters = Annotated[ImageParameters, Depends(on_the_loop(ImageParameters))]


@dataclass(frozen=True, kw_only=True)
class Admitted:
    """A request that has its place, and whose body is still to be read.

    Attributes:
        limits: for its body.
        own_deadline: what the client asked for; else the time begins once the body is here.
        sticky_key: the client's routing key, else one of this request alone.
        held: its bytes among those under way, none so far.
    """

    limits: BodyLimits
    own_deadline: Deadline | None
    sticky_key: str
    held: HeldBytes


@dataclass(frozen=True, kw_only=True)
class Received:
    """A request as it came: what its images are called, and what is asked of the core."""

    named: Sequence[NamedImage | NamedUrl]
    asked: ImagesRequest


class ImageHeaders(Protocol):
    """Headers that all protocols share; see `ImageParameters`."""

    @property
    def timeout_seconds(self) -> float | None:
        """X-Request-Timeout."""

    @property
    def routing_key(self) -> str:
        """X-Routing-Key."""


@contextlib.contextmanager
def admitted(  # noqa: PLR0913 - what is known of a request before its body is read
    request: Request,
    gateway: Gateway,
    model: str,
    *,
    choice: VersionChoice,
    headers: ImageHeaders,
    kind: Kind = Kind.PREDICT,
) -> Iterator[Admitted]:
    """Let a request in by its headers alone; its place among those under way is held for the block.

    Raises:
        ForbiddenError: the caller may not use the model.
        ModelNotFoundError: no such model.
        OverloadedError: there is no place, or it would wait too long.
        RateLimitedError: the caller has its share of them.
    """
    state = request_state(request.scope)
    sticky_key = headers.routing_key or state.request_id
    gateway.asks_of(state, model, choice, sticky_key=sticky_key)
    settings = gateway.settings
    limits = BodyLimits.of(settings)
    own_deadline = None
    if headers.timeout_seconds is not None:
        own_deadline = Deadline.after(min(headers.timeout_seconds, settings.max_timeout_seconds))
        seconds = min(limits.timeout_seconds, own_deadline.remaining_seconds())
        limits = replace(limits, timeout_seconds=seconds)
    with (
        gateway.admission.admit(
            gateway.predictor.lanes.of(model, kind),
            deadline=own_deadline or Deadline.after(settings.timeout_seconds),
            caller=state.caller.digest,
            announced_bytes=announced_bytes(request, most=settings.max_body_bytes),
        ),
        gateway.admission.growing(caller=state.caller.digest) as held,
    ):
        yield Admitted(limits=limits, own_deadline=own_deadline, sticky_key=sticky_key, held=held)


@contextlib.asynccontextmanager
async def received(
    request: Request,
    gateway: Gateway,
    model: str,
    parameters: ImageParameters,
    *,
    kind: Kind = Kind.PREDICT,
) -> AsyncIterator[Received]:
    """Read a request, and fetch what it names by URL; its place is held for the block.

    The block ends where the client hangs up, as `while_connected` does.

    Raises:
        InvalidParameterError: a version and a label.
        MiwakeError: see `admitted` and `receive_images`.
    """
    if parameters.version is not None and parameters.version_label is not None:
        raise InvalidParameterError("version and version_label exclude each other")
    choice = VersionChoice(version=parameters.version, label=parameters.version_label)
    with admitted(request, gateway, model, choice=choice, headers=parameters, kind=kind) as place:
        with gateway.metrics.stage(Stage.RECEIVE):
            named = await receive_images(request, place.limits, pool=gateway.codecs, hold=place.held.hold)
        deadline = place.own_deadline or Deadline.after(gateway.settings.timeout_seconds)
        async with while_connected(request):
            asked = ImagesRequest(
                model=model,
                images=await _bytes_of(named, gateway, deadline=deadline, held=place.held),
                deadline=deadline,
                choice=choice,
                sticky_key=place.sticky_key,
                caller=request_state(request.scope).caller.digest,
            )
            yield Received(named=named, asked=asked)


async def _bytes_of(
    named: Sequence[NamedImage | NamedUrl],
    gateway: Gateway,
    *,
    deadline: Deadline,
    held: HeldBytes,
) -> Sequence[bytes | ImageError]:
    """What came, and what is fetched in half of the time left: the rest is for answering the others."""
    here = [image.image_bytes for image in named if isinstance(image, NamedImage)]
    if len(here) == len(named):
        return here
    left = gateway.settings.max_body_bytes - sum(map(len, here))
    budget = ByteBudget(left, hold=held.hold, release=held.release)
    seconds = deadline.remaining_seconds() / 2
    return await fetch_images(named, gateway.fetcher, budget=budget, timeout_seconds=seconds)


def announced_bytes(request: Request, *, most: int) -> int:
    """Of the body, by its header; of one of unknown length the most that it may have."""
    announced = request.headers.get("content-length", "")
    return min(int(announced), most) if announced.isdecimal() else most
