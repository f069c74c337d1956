"""What FastAPI cannot read off the routes: bodies parsed as they arrive, problems, headers, examples."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from fastapi import FastAPI
from pydantic.json_schema import models_json_schema

from serving.callers.credential import API_KEY
from serving.callers.middleware import PROBES
from serving.http.openapi_examples import DETAILS, EXAMPLES, REQUEST_ID, UNWELL
from serving.http.problems import MEDIA_TYPE, STATUS_BY_CODE
from serving.oip.schemas import IndexRequest, InferBody
from serving.schemas import ImagesBody, Problem
from serving.tensorflow_serving.schemas import RestPredictBody

Responses = dict[int | str, dict[str, Any]]
_Document = dict[str, Any]
# Of bodies that are parsed as they arrive, and so are unknown to FastAPI.
_BODIES = (ImagesBody, IndexRequest, InferBody, RestPredictBody)
_REFERENCE = "#/components/schemas/{model}"

_REQUEST_ID = "X-Request-ID"
_REQUEST_ID_SCHEMA = {"type": "string", "pattern": "^[A-Za-z0-9._-]{1,128}$"}
_COMPONENTS: Mapping[str, Mapping[str, Any]] = {
    "parameters": {
        "RequestId": {
            "name": _REQUEST_ID,
            "in": "header",
            "description": "Comes back with the answer and stands in the log; another form is replaced.",
            "schema": {"type": "string"},
        },
    },
    "headers": {
        "RequestId": {
            "description": "The request's own, or a new one.",
            "required": True,
            "schema": _REQUEST_ID_SCHEMA,
        },
        "RetryAfter": {
            "description": "Seconds after which to try again.",
            "required": True,
            "schema": {"type": "integer", "minimum": 0},
        },
        "Challenge": {"required": True, "schema": {"type": "string", "const": "Bearer"}},
    },
}
_SECURITY_SCHEMES = {
    "bearer": {"type": "http", "scheme": "bearer", "description": "An API key, or a signed token."},
    "apiKey": {"type": "apiKey", "in": "header", "name": API_KEY, "description": "An API key."},
}
_OF_CALLERS = {
    "401": "unauthenticated",
    "403": "forbidden",
    "429": "rate_limited: try again after Retry-After seconds",
}
_HEADERS_OF_STATUS = {"401": ("WWW-Authenticate", "Challenge"), "503": ("Retry-After", "RetryAfter")}
_HEADERS_OF_STATUS["429"] = _HEADERS_OF_STATUS["503"]


def problems(descriptions: dict[int, str]) -> Responses:
    """`responses` of a route: problem documents, by status."""
    return {
        status: {"model": Problem, "description": description} for status, description in descriptions.items()
    }


def install(app: FastAPI) -> None:
    """Have the document say what this deployment does: how errors come, which headers, who may call."""
    generate = app.openapi

    def openapi() -> _Document:
        if app.openapi_schema is None:
            _complete(generate(), callers_are_known=app.state.gateway.callers.are_known)
        return generate()

    app.openapi = openapi  # type: ignore[method-assign]  # FastAPI's own way to extend the document


def _complete(document: _Document, *, callers_are_known: bool) -> None:
    """Change the document, which FastAPI keeps, in place."""
    components = document["components"]
    for name, entries in _COMPONENTS.items():
        components[name] = {**components.get(name, {}), **entries}
    _describe_bodies(components["schemas"])
    if callers_are_known:
        components["securitySchemes"] = _SECURITY_SCHEMES
    for path, operation in _operations(document):
        if callers_are_known and path not in PROBES:
            _describe_callers(operation, one_line=path.startswith(("/v1", "/v2")))
        _describe_problems(operation, one_line=path.startswith(("/v1", "/v2")))
        _describe_headers(operation)
        _add_examples(operation)


def _operations(document: _Document) -> Iterator[tuple[str, _Document]]:
    for path, operations in document["paths"].items():
        for operation in operations.values():
            yield path, operation


def _describe_bodies(schemas: _Document) -> None:
    for name in ("HTTPValidationError", "ValidationError"):
        schemas.pop(name, None)
    _, bodies = models_json_schema([(body, "validation") for body in _BODIES], ref_template=_REFERENCE)
    schemas.update(bodies["$defs"])


def _describe_callers(operation: _Document, *, one_line: bool) -> None:
    operation["security"] = [{name: []} for name in _SECURITY_SCHEMES]
    for status, description in _OF_CALLERS.items():
        content = {"application/json": {"schema": {"$ref": _REFERENCE.format(model="OipError")}}}
        operation["responses"].setdefault(
            status,
            {"description": description, "content": content if one_line else _problem_content()},
        )


def _describe_problems(operation: _Document, *, one_line: bool) -> None:
    """FastAPI takes a route's errors for JSON, and adds one of its own."""
    for status, response in list(operation["responses"].items()):
        reference = response.get("content", {}).get("application/json", {}).get("schema", {}).get("$ref", "")
        if reference.endswith("/Problem"):
            response["content"] = _problem_content()
        if reference.endswith("/HTTPValidationError"):
            if one_line:
                del operation["responses"][status]
            else:
                operation["responses"][status] = {
                    "description": "invalid_parameter",
                    "content": _problem_content(),
                }


def _describe_headers(operation: _Document) -> None:
    parameters = operation.setdefault("parameters", [])
    for parameter in parameters:
        parameter["schema"] = _without_null(parameter["schema"])
    parameters.append({"$ref": "#/components/parameters/RequestId"})
    for status, response in operation["responses"].items():
        headers = response.setdefault("headers", {})
        headers[_REQUEST_ID] = {"$ref": "#/components/headers/RequestId"}
        if status in _HEADERS_OF_STATUS and _is_error(response):
            name, component = _HEADERS_OF_STATUS[status]
            headers[name] = {"$ref": f"#/components/headers/{component}"}


def _without_null(schema: _Document) -> _Document:
    """An optional parameter is left out; there is no null in a URL or a header."""
    kinds = [kind for kind in schema.get("anyOf", []) if kind != {"type": "null"}]
    if len(kinds) != 1:
        return schema
    return {**{name: value for name, value in schema.items() if name != "anyOf"}, **kinds[0]}


def _is_error(response: _Document) -> bool:
    """Whether it is one of an error, and not a probe that says no."""
    schemas = [content["schema"].get("$ref", "") for content in response.get("content", {}).values()]
    return any(schema.endswith(("/Problem", "Error")) for schema in schemas)


def _add_examples(operation: _Document) -> None:
    for content in operation.get("requestBody", {}).get("content", {}).values():
        _set_examples(content, EXAMPLES.get(_schema_of(content), {}))
    for status, response in operation["responses"].items():
        for content in response.get("content", {}).values():
            _set_examples(content, _examples_of_answer(_schema_of(content), status, response["description"]))


def _schema_of(content: _Document) -> str:
    """The name of its schema, or of the items of its list; empty where it has none."""
    schema = content.get("schema", {})
    reference: str = schema.get("items", schema).get("$ref", "")
    return reference.rpartition("/")[2]


def _set_examples(content: _Document, examples: Mapping[str, Any]) -> None:
    is_list = content.get("schema", {}).get("type") == "array"
    if examples:
        content["examples"] = {
            name: {"value": [value] if is_list else value} for name, value in examples.items()
        }


def _examples_of_answer(schema: str, status: str, description: str) -> Mapping[str, Any]:
    """Of an error one for each code that its description names; of one line the first that has its status."""
    if schema == Problem.__name__:
        return {code: _problem(code) for code in re.findall(r"\w+", description) if code in STATUS_BY_CODE}
    if schema.endswith("Error"):
        code = next(code for code, its_status in STATUS_BY_CODE.items() if its_status == int(status))
        return {code: {"error": DETAILS[code]}}
    return (UNWELL if status == "503" else EXAMPLES).get(schema, {})


def _problem(code: str) -> _Document:
    status = STATUS_BY_CODE[code]
    problem = Problem(
        title=status.phrase, status=status, code=code, detail=DETAILS[code], request_id=REQUEST_ID
    )
    return problem.model_dump(exclude={"errors"})


def _problem_content() -> _Document:
    return {MEDIA_TYPE: {"schema": {"$ref": _REFERENCE.format(model="Problem")}}}


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
        "application/json": {"schema": {"$ref": _REFERENCE.format(model="ImagesBody")}},
    },
}

PREDICT_PROBLEMS = problems(
    {
        400: "malformed_body",
        404: "model_not_found, version_not_found",
        413: "body_too_large, too_many_pixels",
        415: "unsupported_format",
        422: "image_undecodable, invalid_parameter, url_refused, url_unreachable",
        502: "contract_broken",
        503: "overloaded, model_server_away: try again after Retry-After seconds",
        504: "deadline_exceeded",
    }
)
# Of what a model made elsewhere may lack.
IMAGE_PROBLEMS = PREDICT_PROBLEMS | problems({404: "model_not_found, version_not_found, signature_not_found"})
