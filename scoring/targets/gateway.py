"""A gateway as the target: encoded photographs go over HTTP, a few a request."""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from http import HTTPStatus

from contract.errors import ContractBrokenError, ImageError
from contract.prediction import Prediction
from miwake.client import AsyncClient
from miwake.client import Prediction as Said
from miwake.client.errors import ContractBrokenError as ClientContractBrokenError
from miwake.client.errors import DeadlineExceededError as ClientDeadlineExceededError
from miwake.client.errors import (
    InternalError,
    ModelNotFoundError,
    UnavailableError,
    UnexpectedAnswerError,
)
from miwake.client.errors import VersionNotFoundError as ClientVersionNotFoundError
from miwake.client.served_models import ModelDetails
from modelserver.errors import (
    DeadlineExceededError,
    ModelServerAwayError,
    ModelServerFaultError,
    OverloadedError,
    VersionNotFoundError,
)
from scoring.targets.model_server import heat_png
from scoring.targets.target import Answer, Pinned, Wanted

# What a proxy says of a gateway that is away; the gateway's own have a code.
_OF_A_PROXY = frozenset({HTTPStatus.BAD_GATEWAY, HTTPStatus.GATEWAY_TIMEOUT})


class GatewayBackend:
    """One model of one gateway.

    Args:
        client: of the gateway; it must not try again by itself.
        model: its name there; None for the gateway's default.
        wanted: of each photograph; its `max_pixels` are the gateway's own to choose.
    """

    # A request of a few costs a fifth less than as many of one; all of it is let in by a gateway, or nothing.
    batch_size = 4
    calls = 6

    def __init__(self, client: AsyncClient, model: str | None, *, wanted: Wanted) -> None:
        self._client = client
        self._model = model
        self._wanted = wanted
        self._chosen: Pinned | None = None
        self._broken = 0

    @property
    def connection(self) -> int:
        """See `Backend.connection`."""
        return self._broken

    async def choose(self, version: int | None) -> Pinned:
        """See `Backend.choose`."""
        with self._translated():
            name = self._model or await self._default()
            details = await self._client.model(name, version=version)
        if details.version is None:
            raise ModelServerAwayError(
                f"the gateway has no version of {name} to answer with: {details.detail}"
            )
        self._chosen = Pinned(name, details.version, _digest(details))
        return self._chosen

    def prepare(self, image_bytes: bytes) -> bytes:
        """The gateway decodes."""
        return image_bytes

    async def ask(self, images: Sequence[bytes]) -> list[Answer | ImageError]:
        """See `Backend.ask`."""
        assert self._chosen is not None, "a version is chosen first"  # noqa: S101 - a fault of ours
        pinned = self._chosen
        with self._translated():
            try:
                said = await self._client.predict_batch(
                    images, model=pinned.model, version=pinned.version, top_k=self._wanted.top_k
                )
            except ImageError as exc:  # of the request as a whole
                return [exc] * len(images)
            answers = (self._answer(*both, pinned) for both in zip(images, said, strict=True))
            return list(await asyncio.gather(*answers))

    async def _default(self) -> str:
        for model in await self._client.models():
            if model.default:
                return model.name
        raise ModelNotFoundError("the caller may not use the gateway's default model: name one by --model")

    async def _answer(self, image: bytes, said: Said | ImageError, pinned: Pinned) -> Answer | ImageError:
        """What was said of one image, and what else is wanted of it."""
        if isinstance(said, ImageError):
            return said
        if said.version != pinned.version:
            raise ContractBrokenError(f"the gateway was asked for {pinned} and answered by {said.version}")
        client, model, version = self._client, pinned.model, pinned.version
        embedding = heatmap = None
        try:
            if self._wanted.extras.embedding:
                embedding = (await client.embed(image, model=model, version=version)).vector
            if self._wanted.extras.heatmap:
                best = said.top[0].label
                explained = await client.explain(
                    image, model=model, version=version, label=best, form="numbers"
                )
                heatmap = None if explained.heatmap is None else heat_png(explained.heatmap)
        except ImageError as exc:
            return exc
        prediction = Prediction(said.label, said.probability, said.top)
        return Answer(prediction=prediction, embedding=embedding, heatmap=heatmap)

    @contextmanager
    def _translated(self) -> Iterator[None]:
        """The client's errors that may pass, in a model server's words; the others end a run as they are."""
        try:
            yield
        except UnavailableError as exc:
            if exc.retry_after_seconds is not None and exc.code != ModelServerAwayError.code:
                raise OverloadedError(str(exc), retry_after_seconds=exc.retry_after_seconds) from exc
            self._broken += 1
            raise ModelServerAwayError(str(exc)) from exc
        except ClientDeadlineExceededError as exc:
            raise DeadlineExceededError(str(exc)) from exc
        # The gateway has one code for a model server that broke once and for one that always does.
        except (InternalError, ClientContractBrokenError) as exc:
            raise ModelServerFaultError(str(exc)) from exc
        except UnexpectedAnswerError as exc:
            if exc.status not in _OF_A_PROXY:
                raise
            self._broken += 1
            raise ModelServerAwayError(str(exc)) from exc
        except ClientVersionNotFoundError as exc:
            raise VersionNotFoundError(str(exc)) from exc


def _digest(details: ModelDetails) -> str:
    said = {name: asdict(details)[name] for name in ("labels", "image", "unknown_threshold", "provenance")}
    return hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()
