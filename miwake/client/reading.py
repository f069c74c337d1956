"""The gateway's JSON to values. What a newer gateway says beyond them is passed over."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable
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
from miwake.client.errors import UnexpectedAnswerError
from miwake.client.replies import Reply
from miwake.client.served_models import ModelDetails, ServedModel, ServedVersion

Value = TypeVar("Value")


def fields_of(reply: Reply) -> Fields:
    """The members of an answer.

    Raises:
        UnexpectedAnswerError: it is no JSON object; every reader raises it for a member that is wrong.
    """
    return Fields(reply.document(), document=reply.url, error=UnexpectedAnswerError)


def read_prediction(reply: Reply, *, name: str | None) -> Prediction:
    """The one prediction of an answer."""
    answer = fields_of(reply)
    item = _only(answer, "predictions")
    return Prediction(
        label=item.string("label"),
        probability=item.number("probability"),
        top=tuple(Candidate(c.string("label"), c.number("probability")) for c in item.objects("top")),
        name=name,
        **_origin(answer),
    )


def read_explanation(reply: Reply, *, name: str | None) -> Explanation:
    """The one explanation of an answer."""
    answer = fields_of(reply)
    item = _only(answer, "explanations")
    return Explanation(
        label=item.string("label"),
        probability=item.number("probability"),
        overlay=_optional(item, "overlay", lambda overlay: _png(item.string(overlay), reply)),
        heatmap=_optional(item, "heatmap", lambda _: _heatmap(reply)),
        name=name,
        **_origin(answer),
    )


def read_embedding(reply: Reply, *, name: str | None) -> Embedding:
    """The one feature vector of an answer."""
    answer = fields_of(reply)
    vector = np.array(_only(answer, "embeddings").numbers("embedding"), dtype=np.float32)
    return Embedding(vector=vector, name=name, **_origin(answer))


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


def _only(answer: Fields, name: str) -> Fields:
    items = answer.objects(name)
    if len(items) != 1:
        raise answer.member_refusal(name, f"are {len(items)} answers for one image")
    return items[0]


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
