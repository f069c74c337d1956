"""The gateway's JSON to values. What a newer gateway says beyond them is passed over."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

from contract.calibration_facts import CalibrationFacts
from contract.errors import ManifestError
from contract.fields import Fields
from contract.image_spec import ImageSpec
from contract.manifest import provenance_from_fields
from contract.prediction import Candidate
from miwake.client.answers import Embedding, Explanation, Prediction
from miwake.client.errors import ERROR_BY_CODE, ImageError, UnexpectedAnswerError
from miwake.client.replies import Reply
from miwake.client.served_models import ModelDetails, ServedModel, ServedVersion

Value = TypeVar("Value")


def fields_of(reply: Reply) -> Fields:
    """The members of an answer.

    Raises:
        UnexpectedAnswerError: it is no JSON object; every reader raises it for a member that is wrong.
    """
    return Fields(reply.document(), document=reply.url, error=UnexpectedAnswerError)


def read_predictions(reply: Reply, names: Sequence[str | None]) -> list[Prediction | ImageError]:
    """An outcome for each image, in their order."""
    return _outcomes(reply, names, "predictions", _prediction)


def read_explanation(reply: Reply, name: str | None) -> Explanation:
    """Of one image.

    Raises:
        ImageError: it was refused.
    """
    return only(_outcomes(reply, [name], "explanations", partial(_explanation, reply)))


def read_embedding(reply: Reply, name: str | None) -> Embedding:
    """Of one image.

    Raises:
        ImageError: it was refused.
    """
    return only(_outcomes(reply, [name], "embeddings", _embedding))


def read_models(reply: Reply) -> tuple[ServedModel, ...]:
    """All models."""
    return tuple(ServedModel(**_summary(model)) for model in fields_of(reply).objects("models"))


def read_model(reply: Reply) -> ModelDetails:
    """One model."""
    model = fields_of(reply)
    try:
        return ModelDetails(
            **_summary(model),
            version=_optional(model, "version", model.integer),
            labels=_optional(model, "labels", model.strings),
            image=_optional(model, "image", lambda image: ImageSpec.from_fields(model.object(image))),
            unknown_threshold=_optional(model, "unknown_threshold", model.number),
            calibration=_optional(
                model, "calibration", lambda name: CalibrationFacts.from_fields(model.object(name))
            ),
            metrics=_optional(model, "metrics", model.number_map),
            provenance=_optional(
                model, "provenance", lambda name: provenance_from_fields(model.object(name))
            ),
        )
    except ManifestError as exc:  # values out of range are the contract's own to refuse
        raise reply.unexpected() from exc


def _outcomes(
    reply: Reply, names: Sequence[str | None], member: str, read: Callable[..., Value]
) -> list[Value | ImageError]:
    """Read an answer's items, or those of a problem that says for each image why it was refused."""
    answer = fields_of(reply)
    all_failed = answer.has("errors")
    items = answer.objects("errors" if all_failed else member)
    if len(items) != len(names):
        raise answer.refusal(f"{len(items)} answers for {len(names)} images")
    origin = {} if all_failed else _origin(answer)
    return [
        _refused(item.object("error"), answer, reply, name)
        if item.has("error")
        else read(item, name=name, **origin)
        for item, name in zip(items, names, strict=True)
    ]


def _refused(error: Fields, answer: Fields, reply: Reply, name: str | None) -> ImageError:
    """The status is that of a whole request, so it is an image's only where it stands for that image."""
    code = error.string("code")
    known = ERROR_BY_CODE.get(code, ImageError)
    return (known if issubclass(known, ImageError) else ImageError)(
        error.string("detail"),
        code=code,
        status=reply.status if answer.has("code") and answer.string("code") == code else None,
        request_id=answer.string("request_id"),
        name=name,
    )


def only(outcomes: Sequence[Value | ImageError]) -> Value:
    """The one outcome, raised if it is an error."""
    (outcome,) = outcomes
    if isinstance(outcome, ImageError):
        raise outcome
    return outcome


def _prediction(item: Fields, **origin: Any) -> Prediction:
    return Prediction(
        label=item.string("label"),
        probability=item.number("probability"),
        top=tuple(Candidate(c.string("label"), c.number("probability")) for c in item.objects("top")),
        **origin,
    )


def _explanation(reply: Reply, item: Fields, **origin: Any) -> Explanation:
    return Explanation(
        label=item.string("label"),
        probability=item.number("probability"),
        overlay=_optional(item, "overlay", lambda name: _png(item.string(name), reply)),
        heatmap=_optional(item, "heatmap", lambda _: _heatmap(reply)),
        **origin,
    )


def _embedding(item: Fields, **origin: Any) -> Embedding:
    return Embedding(vector=np.array(item.numbers("embedding"), dtype=np.float32), **origin)


def _origin(answer: Fields) -> dict[str, Any]:
    return {
        "model": answer.string("model"),
        "version": answer.integer("version"),
        "request_id": answer.string("request_id"),
    }


def _optional(fields: Fields, name: str, read: Callable[[str], Value]) -> Value | None:
    return read(name) if fields.has(name) else None


def _png(text: str, reply: Reply) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except binascii.Error as exc:
        raise reply.unexpected() from exc


def _heatmap(reply: Reply) -> npt.NDArray[np.float32]:
    """Read from the document itself: 50,000 numbers are not checked one by one."""
    try:
        heatmap = np.array(reply.document()["explanations"][0]["heatmap"], dtype=np.float32)
    except (TypeError, ValueError) as exc:
        raise reply.unexpected() from exc
    if heatmap.ndim != 2:  # noqa: PLR2004 - rows and columns
        raise reply.unexpected()
    return heatmap


def _summary(model: Fields) -> dict[str, Any]:
    return {
        "name": model.string("name"),
        "default": model.boolean("default"),
        "ready": model.boolean("ready"),
        "detail": model.string("detail"),
        "latest": _optional(model, "latest", model.integer),
        "versions": tuple(map(_version, model.objects("versions"))),
    }


def _version(version: Fields) -> ServedVersion:
    return ServedVersion(
        version=version.integer("version"),
        state=version.string("state"),
        self_test=version.string("self_test"),
        detail=version.string("detail"),
        model_servers=version.integer("model_servers"),
        aliases=version.strings("aliases"),
    )
