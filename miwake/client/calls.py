"""What can be asked of a gateway: each call as a flow, see `exchange`."""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal
from urllib.parse import quote

from miwake.client.answers import Embedding, Explanation, Prediction
from miwake.client.errors import (
    BodyTooLargeError,
    GatewayError,
    ImageError,
    InvalidParameterError,
    ModelNotFoundError,
)
from miwake.client.exchange import Call, Flow, exchange
from miwake.client.image_source import SentImage
from miwake.client.reading import (
    only,
    read_embedding,
    read_explanation,
    read_model,
    read_models,
    read_predictions,
)
from miwake.client.replies import Reply
from miwake.client.retries import Retries
from miwake.client.served_models import ModelDetails, ServedModel

# What the gateway takes for safe to log.
_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,128}")

HeatForm = Literal["overlay", "numbers"]
# A concrete version, or the alias of one.
Version = int | str


@dataclass(frozen=True, kw_only=True)
class Asked:
    """What the calls about an image have in common; where it says nothing, the client's own choice counts."""

    model: str | None = None
    version: Version | None = None
    request_id: str | None = None

    def __post_init__(self) -> None:
        """Refuse a request id that the gateway would replace.

        Raises:
            InvalidParameterError: longer than 128 characters, or of others than a log line can hold.
        """
        if self.request_id is not None and not _REQUEST_ID.fullmatch(self.request_id):
            raise InvalidParameterError("request_id is not 1 to 128 of A-Z, a-z, 0-9, '.', '_' and '-'")

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
        url: of the gateway, for errors.
        default_model: that answers where none is named; None for the gateway's.
        timeout_seconds: of one call, all its attempts and pauses together.
        retries: of one call.
        now: the client's clock.
    """

    url: str
    default_model: str | None
    timeout_seconds: float
    retries: Retries
    now: Callable[[], float]

    def predict_batch(
        self, images: Sequence[SentImage | ImageError], asked: Asked, *, top_k: int
    ) -> Flow[list[Prediction | ImageError]]:
        """POST /predict, or a named model's.

        Args:
            images: of one request; those that never became bytes are their own outcomes.
            asked: the model and version.
            top_k: candidates an image.

        Returns:
            An outcome for each image, in order.
        """
        sent = [image for image in images if isinstance(image, SentImage)]
        answered = iter((yield from self._predict(sent, asked, top_k, self._give_up_at())) if sent else ())
        return [next(answered) if isinstance(image, SentImage) else image for image in images]

    def predict(self, image: SentImage, asked: Asked, *, top_k: int) -> Flow[Prediction]:
        """The same of one image, whose refusal is raised."""
        return only((yield from self.predict_batch([image], asked, top_k=top_k)))

    def explain(
        self, image: SentImage, asked: Asked, *, label: str | None, form: HeatForm
    ) -> Flow[Explanation]:
        """POST /models/{model}/explain."""
        chosen = {"form": form} if label is None else {"form": form, "label": label}
        return read_explanation((yield from self._ask_model("explain", image, asked, **chosen)), image.name)

    def embed(self, image: SentImage, asked: Asked) -> Flow[Embedding]:
        """POST /models/{model}/embed."""
        return read_embedding((yield from self._ask_model("embed", image, asked)), image.name)

    def models(self) -> Flow[tuple[ServedModel, ...]]:
        """GET /models."""
        return read_models((yield from self._ask(_get("/models"), self._give_up_at())))

    def model(self, name: str, *, version: int | None) -> Flow[ModelDetails]:
        """GET /models/{model}."""
        parameters = {} if version is None else {"version": version}
        return read_model((yield from self._ask(_get(_path(name), **parameters), self._give_up_at())))

    def is_ready(self) -> Flow[bool]:
        """GET /readyz, once."""
        try:
            yield from self._ask(_get("/readyz"), self._give_up_at(), retries=Retries(attempts=1))
        except GatewayError:
            return False
        return True

    def _give_up_at(self) -> float:
        return self.now() + self.timeout_seconds

    def _ask(self, call: Call, give_up_at: float, *, retries: Retries | None = None) -> Flow[Reply]:
        return exchange(
            call, where=self.url, retries=retries or self.retries, now=self.now, give_up_at=give_up_at
        )

    def _predict(
        self, images: Sequence[SentImage], asked: Asked, top_k: int, give_up_at: float
    ) -> Flow[list[Prediction | ImageError]]:
        """Ask for all; where they are too many for the gateway, for one half and then for the other."""
        model = asked.model or self.default_model
        path = "/predict" if model is None else _path(model, "predict")
        names = [image.name for image in images]
        try:
            reply = yield from self._ask(_post(path, images, asked, top_k=top_k), give_up_at)
        except BodyTooLargeError as exc:
            if len(images) == 1:
                exc.name = names[0]
                return [exc]
            half = len(images) // 2
            first = yield from self._predict(images[:half], asked, top_k, give_up_at)
            return first + (yield from self._predict(images[half:], asked, top_k, give_up_at))
        return read_predictions(reply, names)

    def _ask_model(self, verb: str, image: SentImage, asked: Asked, **parameters: str) -> Flow[Reply]:
        """Ask what only a named model is asked; without a name the gateway says first which one it is."""
        give_up_at = self._give_up_at()
        model = asked.model or self.default_model
        if model is None:
            model = _default_of(read_models((yield from self._ask(_get("/models"), give_up_at))))
        return (yield from self._ask(_post(_path(model, verb), [image], asked, **parameters), give_up_at))


def _path(model: str, *verb: str) -> str:
    return "/".join(["/models", quote(model, safe=""), *verb])


def _get(path: str, **parameters: str | int) -> Call:
    return Call(method="GET", path=path, request_id=uuid.uuid4().hex, parameters=parameters)


def _post(path: str, images: Sequence[SentImage], asked: Asked, **parameters: str | int) -> Call:
    return Call(
        method="POST",
        path=path,
        request_id=asked.request_id or uuid.uuid4().hex,
        parameters=asked.parameters() | parameters,
        images=[image.image_bytes for image in images],
    )


def _default_of(models: tuple[ServedModel, ...]) -> str:
    for model in models:
        if model.default:
            return model.name
    raise ModelNotFoundError("this caller may not use the default model; name one")
