"""What FastAPI cannot read off the routes: bodies that are parsed as they arrive, and problem documents."""

from __future__ import annotations

from typing import Any

from serving.problems import MEDIA_TYPE
from serving.schemas import Base64Image, PredictBody, Problem

Responses = dict[int | str, dict[str, Any]]


def problems(descriptions: dict[int, str]) -> Responses:
    """`responses` of a route: problem documents, by status."""
    return {
        status: {"model": Problem, "content": {MEDIA_TYPE: {}}, "description": description}
        for status, description in descriptions.items()
    }


def _json_body() -> dict[str, Any]:
    """PredictBody's schema, whole: a reference would point at a component FastAPI does not know of."""
    schema = PredictBody.model_json_schema()
    del schema["$defs"]
    schema["properties"]["images"]["items"] = Base64Image.model_json_schema()
    return schema


_BINARY = {"type": "string", "format": "binary"}

REQUEST_BODY: dict[str, Any] = {
    "required": True,
    "content": {
        "multipart/form-data": {
            "schema": {
                "type": "object",
                "required": ["image"],
                "properties": {"image": {"type": "array", "items": _BINARY, "minItems": 1}},
            }
        },
        "image/*": {"schema": _BINARY},
        "application/json": {"schema": _json_body()},
    },
}

PREDICT_PROBLEMS = problems(
    {
        400: "malformed_body",
        404: "model_not_found, version_not_found",
        413: "body_too_large, too_many_pixels",
        415: "unsupported_format",
        422: "image_undecodable, invalid_parameter",
        502: "contract_broken",
        503: "overloaded, model_server_away: try again after Retry-After seconds",
        504: "deadline_exceeded",
    }
)
