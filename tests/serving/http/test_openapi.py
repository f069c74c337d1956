"""The OpenAPI document: every route, and what really goes in and out. See also test_schemathesis.py."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest

from serving.callers.middleware import PROBES
from serving.http.problems import MEDIA_TYPE, STATUS_BY_CODE
from tests.fake_model_server import FakeModelServer
from tests.serving.gateway_client import gateway

PROBLEM = {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}
# What only the last net under a fault of ours, or no particular route, answers.
UNDESCRIBED = {"internal", "not_found", "method_not_allowed"}


async def document(**changes: Any) -> dict[str, Any]:
    """As the application makes it; over HTTP a deployment with keys would ask for one."""
    async with gateway(FakeModelServer(), ready=False, **changes) as client:
        described: dict[str, Any] = client._transport.app.openapi()
        return described


def operations(described: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for path, methods in described["paths"].items():
        for operation in methods.values():
            yield path, operation


async def test_every_reference_of_the_openapi_document_resolves() -> None:
    async with gateway(FakeModelServer()) as client:
        response = await client.get("/openapi.json")

    components = response.json()["components"]
    for kind, entries in components.items():
        named = {part.split('"')[0] for part in response.text.split(f"#/components/{kind}/")[1:]}
        assert named <= entries.keys()
    assert {"PredictAnswer", "Problem", "ImagesBody", "UrlImage"} <= components["schemas"].keys()


async def test_every_call_of_the_api_is_there() -> None:
    paths = (await document())["paths"]

    versions = ("", "/versions/{version}", "/labels/{label}")
    assert paths.keys() >= {
        "/predict",
        "/models",
        "/models/{model}",
        *(f"/models/{{model}}/{call}" for call in ("predict", "explain", "embed")),
        *(
            f"/v1/models/{{model}}{version}{call}"
            for version in versions
            for call in ("", ":predict", "/metadata")
        ),
        "/livez",
        "/readyz",
        "/startupz",
        "/metrics",
        "/v2/models/{model}/infer",
    }


@pytest.mark.parametrize(
    "path", ["/predict", *(f"/models/{{model}}/{it}" for it in ("predict", "explain", "embed"))]
)
async def test_every_error_is_described_as_a_problem_document(path: str) -> None:
    described = await document()

    responses = described["paths"][path]["post"]["responses"]
    problems = {status: response["content"] for status, response in responses.items() if status != "200"}
    assert problems.keys() == {"400", "404", "413", "415", "422", "502", "503", "504"}
    assert all(content.keys() == PROBLEM.keys() for content in problems.values())
    assert all(
        content[MEDIA_TYPE]["schema"] == PROBLEM[MEDIA_TYPE]["schema"] for content in problems.values()
    )
    assert "HTTPValidationError" not in described["components"]["schemas"]


async def test_every_code_of_a_problem_stands_beside_its_status(tmp_path: Path) -> None:
    keys_file = tmp_path / "keys.toml"
    keys_file.write_text("[keys]\n")

    responses = (await document(keys_file=keys_file))["paths"]["/models/{model}/explain"]["post"]["responses"]

    for code, status in STATUS_BY_CODE.items():
        if code not in UNDESCRIBED:
            assert code in responses[str(int(status))]["description"]


HEADERS = {"401": "WWW-Authenticate", "429": "Retry-After", "503": "Retry-After"}


async def test_every_error_has_the_headers_of_its_status(tmp_path: Path) -> None:
    keys_file = tmp_path / "keys.toml"
    keys_file.write_text("[keys]\n")
    described = await document(keys_file=keys_file)

    seen = set()
    for path, operation in operations(described):
        for status, response in operation["responses"].items():
            is_verdict = path in PROBES or path.endswith("/ready")  # a probe's 503 is its answer
            wanted = set() if is_verdict and status == "503" else {HEADERS.get(status)} - {None}
            assert response["headers"].keys() == {"X-Request-ID"} | wanted, (path, status)
            seen |= {status} if wanted else set()
    assert seen == HEADERS.keys()


async def test_every_json_body_has_examples_of_its_schema() -> None:
    described = await document()

    count = 0
    for path, operation in operations(described):
        bodies = [operation.get("requestBody", {}), *operation["responses"].values()]
        for content in (body.get("content", {}) for body in bodies):
            for media_type in content.keys() & {"application/json", MEDIA_TYPE}:
                schema = content[media_type]["schema"] | {"components": described["components"]}
                for example in content[media_type]["examples"].values():
                    jsonschema_rs.validate(schema, example["value"])
                    count += 1
                assert content[media_type]["examples"], (path, media_type)
    assert count > 100


async def test_a_problems_examples_are_of_its_status_and_its_codes() -> None:
    described = await document()

    for _, operation in operations(described):
        for status, response in operation["responses"].items():
            examples = response.get("content", {}).get(MEDIA_TYPE, {}).get("examples", {})
            assert {str(example["value"]["status"]) for example in examples.values()} <= {status}
    unwell = described["paths"]["/predict"]["post"]["responses"]["503"]["content"][MEDIA_TYPE]["examples"]
    assert unwell.keys() == {"overloaded", "model_server_away"}


async def test_what_the_document_gives_as_a_request_is_answered() -> None:
    async with gateway(FakeModelServer()) as client:
        described = (await client.get("/openapi.json")).json()
        answers = {
            (path, name): await client.post(
                path.format(model="toy", version="1", label="x"), json=it["value"]
            )
            for path, methods in described["paths"].items()
            for name, it in methods.get("post", {})
            .get("requestBody", {})
            .get("content", {})
            .get("application/json", {})
            .get("examples", {})
            .items()
            if "{label}" not in path
        }

    wrong = {key: answer.text for key, answer in answers.items() if answer.status_code != 200}
    assert len(answers) > 10
    assert {name for _, name in wrong} == {"URL"}  # which an operator has to allow


async def test_every_answer_has_the_request_id() -> None:
    described = await document()

    for _, operation in operations(described):
        assert {"$ref": "#/components/parameters/RequestId"} in operation["parameters"]
        for response in operation["responses"].values():
            assert response["headers"]["X-Request-ID"] == {"$ref": "#/components/headers/RequestId"}


async def test_no_parameter_can_be_null() -> None:
    described = await document()

    parameters = [
        parameter for _, operation in operations(described) for parameter in operation["parameters"]
    ]
    schemas = [parameter["schema"] for parameter in parameters if "schema" in parameter]
    assert schemas
    assert not [schema for schema in schemas if "null" in str(schema)]


async def test_who_may_call_is_described_where_it_matters(tmp_path: Path) -> None:
    keys_file = tmp_path / "keys.toml"
    keys_file.write_text("[keys]\n")

    closed, opened = await document(keys_file=keys_file), await document()

    assert "securitySchemes" not in opened["components"]
    assert closed["components"]["securitySchemes"].keys() == {"bearer", "apiKey"}
    for path, operation in operations(closed):
        assert ("security" in operation) is (path not in PROBES)
        assert ("401" in operation["responses"]) is ("security" in operation)


async def test_the_documentation_page_loads_nothing_from_elsewhere() -> None:
    async with gateway(FakeModelServer()) as client:
        page = await client.get("/docs")
        script = await client.get("/static-offline-docs/swagger-ui-bundle.js")

    assert "https://" not in page.text
    assert script.status_code == 200
