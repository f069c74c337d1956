"""What FastAPI cannot read off the routes: bodies that are parsed as they arrive, and problem documents."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI

from serving.problems import MEDIA_TYPE
from serving.schemas import Base64Image, PredictBody, Problem

Responses = dict[int | str, dict[str, Any]]


def problems(descriptions: dict[int, str]) -> Responses:
    """`responses` of a route: problem documents, by status."""
    return {
        status: {"model": Problem, "description": description} for status, description in descriptions.items()
    }


def install(app: FastAPI) -> None:
    """Have the document say how errors really come: as problem documents, those of parameters too."""
    generate = app.openapi

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            _describe_problems(generate())
        return generate()

    app.openapi = openapi  # type: ignore[method-assign]  # FastAPI's own way to extend the document


def _describe_problems(document: dict[str, Any]) -> None:
    """Change the document, which FastAPI keeps, in place."""
    for path in document["paths"].values():
        for operation in path.values():
            for response in operation["responses"].values():
                _describe_problem(response)
    for name in ("HTTPValidationError", "ValidationError"):
        document["components"]["schemas"].pop(name, None)


def _describe_problem(response: dict[str, Any]) -> None:
    reference = response.get("content", {}).get("application/json", {}).get("schema", {}).get("$ref", "")
    if reference.endswith(("/Problem", "/HTTPValidationError")):
        response["content"] = {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}


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
