from __future__ import annotations

from tests.fake_model_server import FakeModelServer
from tests.serving.gateway_client import gateway


async def test_every_reference_of_the_openapi_document_resolves() -> None:
    async with gateway(FakeModelServer()) as client:
        response = await client.get("/openapi.json")

    schemas = response.json()["components"]["schemas"]
    named = {part.split('"')[0] for part in response.text.split("#/components/schemas/")[1:]}
    assert named <= schemas.keys()
    assert {"PredictAnswer", "Problem"} <= named


async def test_every_error_is_described_as_a_problem_document() -> None:
    async with gateway(FakeModelServer()) as client:
        document = (await client.get("/openapi.json")).json()

    responses = document["paths"]["/models/{model}/predict"]["post"]["responses"]
    problems = {status: response["content"] for status, response in responses.items() if status != "200"}
    assert problems.keys() == {"400", "404", "413", "415", "422", "502", "503", "504"}
    for content in problems.values():
        assert content == {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
    assert "HTTPValidationError" not in document["components"]["schemas"]


async def test_the_documentation_page_loads_nothing_from_elsewhere() -> None:
    async with gateway(FakeModelServer()) as client:
        page = await client.get("/docs")
        script = await client.get("/static-offline-docs/swagger-ui-bundle.js")

    assert "https://" not in page.text
    assert script.status_code == 200
