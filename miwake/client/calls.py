"""What can be asked of a gateway: each call as a flow, see `exchange`."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal
from urllib.parse import quote

from miwake.client.answers import Embedding, Explanation, Prediction
from miwake.client.errors import GatewayError, ModelNotFoundError
from miwake.client.exchange import Call, Flow, exchange
from miwake.client.image_source import SentImage
from miwake.client.reading import read_embedding, read_explanation, read_model, read_models, read_prediction
from miwake.client.replies import Reply
from miwake.client.retries import Retries
from miwake.client.served_models import ModelDetails, ServedModel

HeatForm = Literal["overlay", "numbers"]
# A concrete version, or the alias of one.
Version = int | str


@dataclass(frozen=True, kw_only=True)
class Asked:
    """What the calls about an image have in common; where it says nothing, the client's own choice counts."""

    model: str | None = None
    version: Version | None = None
    request_id: str | None = None

    def parameters(self) -> dict[str, str | int]:
        """Of the query."""
        match self.version:
            case None:
                return {}
            case int(number):
                return {"version": number}
            case alias:
                return {"version_label": alias}


@dataclass(frozen=True, kw_only=True)
class Calls:
    """Flows of one client.

    Attributes:
        default_model: that answers where none is named; None for the gateway's.
        timeout_seconds: of one call, all its attempts and pauses together.
        retries: of one call.
        now: the client's clock.
    """

    default_model: str | None
    timeout_seconds: float
    retries: Retries
    now: Callable[[], float]

    def predict(self, image: SentImage, asked: Asked, *, top_k: int) -> Flow[Prediction]:
        """POST /predict, or a named model's."""
        model = asked.model or self.default_model
        path = "/predict" if model is None else _path(model, "predict")
        call = _post(path, image, asked, top_k=top_k)
        return read_prediction((yield from self._ask_of(image, call, self._give_up_at())), name=image.name)

    def explain(
        self, image: SentImage, asked: Asked, *, label: str | None, form: HeatForm
    ) -> Flow[Explanation]:
        """POST /models/{model}/explain."""
        chosen = {"form": form} if label is None else {"form": form, "label": label}
        return read_explanation(
            (yield from self._ask_model("explain", image, asked, **chosen)), name=image.name
        )

    def embed(self, image: SentImage, asked: Asked) -> Flow[Embedding]:
        """POST /models/{model}/embed."""
        return read_embedding((yield from self._ask_model("embed", image, asked)), name=image.name)

    def models(self) -> Flow[tuple[ServedModel, ...]]:
        """GET /models."""
        return read_models((yield from self._ask(_get("/models"), self._give_up_at())))

    def model(self, name: str, *, version: int | None) -> Flow[ModelDetails]:
        """GET /models/{model}."""
        parameters = {} if version is None else {"version": version}
        return read_model((yield from self._ask(_get(_path(name), **parameters), self._give_up_at())))

    def is_ready(self) -> Flow[bool]:
        """GET /readyz, once."""
        call, once = _get("/readyz"), Retries(attempts=1)
        try:
            yield from exchange(call, retries=once, now=self.now, give_up_at=self._give_up_at())
        except GatewayError:
            return False
        return True

    def _give_up_at(self) -> float:
        return self.now() + self.timeout_seconds

    def _ask(self, call: Call, give_up_at: float) -> Flow[Reply]:
        return exchange(call, retries=self.retries, now=self.now, give_up_at=give_up_at)

    def _ask_of(self, image: SentImage, call: Call, give_up_at: float) -> Flow[Reply]:
        """The same about an image: its name stands in the error."""
        try:
            return (yield from self._ask(call, give_up_at))
        except GatewayError as exc:
            exc.name = image.name
            raise

    def _ask_model(self, verb: str, image: SentImage, asked: Asked, **parameters: str) -> Flow[Reply]:
        """Ask what only a named model is asked; without a name the gateway says first which one it is."""
        give_up_at = self._give_up_at()
        model = asked.model or self.default_model
        if model is None:
            model = _default_of(read_models((yield from self._ask(_get("/models"), give_up_at))))
        call = _post(_path(model, verb), image, asked, **parameters)
        return (yield from self._ask_of(image, call, give_up_at))


def _path(model: str, *verb: str) -> str:
    return "/".join(["/models", quote(model, safe=""), *verb])


def _get(path: str, **parameters: str | int) -> Call:
    return Call(method="GET", path=path, request_id=uuid.uuid4().hex, parameters=parameters)


def _post(path: str, image: SentImage, asked: Asked, **parameters: str | int) -> Call:
    return Call(
        method="POST",
        path=path,
        request_id=asked.request_id or uuid.uuid4().hex,
        parameters=asked.parameters() | parameters,
        content=image.image_bytes,
    )


def _default_of(models: tuple[ServedModel, ...]) -> str:
    for model in models:
        if model.default:
            return model.name
    raise ModelNotFoundError("this caller may not use the default model; name one")
