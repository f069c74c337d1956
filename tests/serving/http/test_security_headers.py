"""What every answer tells a browser, and what the documentation page needs of it."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import urljoin, urlsplit

import pytest

from tests.fake_model_server import FakeModelServer
from tests.pictures import encoded
from tests.serving.gateway_client import gateway

PNG = encoded()
ORIGIN = "https://page.example"


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("POST", "/predict", 200),
        ("GET", "/models", 200),
        ("GET", "/livez", 200),
        ("GET", "/metrics", 200),
        ("GET", "/docs", 200),
        ("GET", "/openapi.json", 200),
        ("GET", "/nowhere", 404),
        ("GET", "/predict", 405),
        ("GET", "/v2", 200),
    ],
)
async def test_every_answer_has_them(method: str, path: str, status: int) -> None:
    async with gateway(FakeModelServer()) as client:
        response = await client.request(method, path, content=PNG)

    assert response.status_code == status
    assert response.headers["x-content-type-options"] == "nosniff"
    assert response.headers["referrer-policy"] == "no-referrer"
    assert response.headers["cache-control"] == "no-store"
    assert "frame-ancestors 'none'" in response.headers["content-security-policy"]
    assert "default-src 'none'" in response.headers["content-security-policy"]


async def test_refusals_and_our_own_faults_have_them_too(tmp_path: Path) -> None:
    (tmp_path / "keys.toml").write_text("[keys]\n")
    broken = FakeModelServer()
    async with gateway(broken, keys_file=tmp_path / "keys.toml") as client:
        refused = await client.get("/models")
    async with gateway(broken, cors_origins=(ORIGIN,)) as client:
        preflight = await client.options(
            "/predict", headers={"Origin": ORIGIN, "Access-Control-Request-Method": "POST"}
        )
        broken.predict_error = RuntimeError("a fault")  # type: ignore[assignment]
        fault = await client.post("/predict", content=PNG)

    statuses = (refused.status_code, preflight.status_code, fault.status_code)
    assert statuses == (401, 200, 500)
    for response in (refused, preflight, fault):
        assert response.headers["x-content-type-options"] == "nosniff"


class Links(HTMLParser):
    """What a page loads, and the scripts in it."""

    def __init__(self) -> None:
        super().__init__()
        self.loaded: list[str] = []

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        values = dict(attributes)
        source = values.get("href") if tag == "link" else values.get("src")
        if source:
            self.loaded.append(source)


async def test_the_documentation_loads_from_this_gateway_alone_and_what_it_loads_is_there() -> None:
    async with gateway(FakeModelServer()) as client:
        page = await client.get("/docs")
        links = Links()
        links.feed(page.text)
        loaded = {link: await client.get(urljoin("/docs", link)) for link in links.loaded}

    assert len(loaded) == 3  # style, script, icon
    for link, response in loaded.items():
        assert not urlsplit(link).netloc
        assert response.status_code == 200
    assert not re.search(r"https?://", page.text)
    for response in loaded.values():
        if "text/css" in response.headers["content-type"]:
            assert not re.search(r"(url\(|@import)\s*['\"]?(https?:)?//", response.text)


async def test_the_documentations_policy_lets_its_own_parts_run_and_nothing_from_elsewhere() -> None:
    async with gateway(FakeModelServer()) as client:
        policy = (await client.get("/docs")).headers["content-security-policy"]

    sources = {name: values for name, *values in (part.split() for part in policy.split(";"))}
    assert sources["script-src"] == ["'self'", "'unsafe-inline'"]
    assert sources["style-src"] == ["'self'", "'unsafe-inline'"]
    assert sources["img-src"] == ["'self'", "data:"]
    assert sources["connect-src"] == ["'self'"]
    assert not any("http" in value or value == "*" for values in sources.values() for value in values)


async def test_only_the_documentations_files_may_be_kept() -> None:
    async with gateway(FakeModelServer()) as client:
        response = await client.get("/static-offline-docs/swagger-ui.css")

    assert response.status_code == 200
    assert "cache-control" not in response.headers
    assert response.headers["x-content-type-options"] == "nosniff"


async def test_pages_of_other_origins_may_not_call_by_default() -> None:
    headers = {"Origin": ORIGIN, "Access-Control-Request-Method": "POST"}
    async with gateway(FakeModelServer()) as client:
        answers = [
            await client.options("/predict", headers=headers),
            await client.post("/predict", content=PNG, headers=headers),
        ]

    assert [answer.status_code for answer in answers] == [405, 200]
    for answer in answers:
        assert not [name for name in answer.headers if name.startswith("access-control-")]


@pytest.mark.parametrize(("origin", "allowed"), [(ORIGIN, True), ("https://other.example", False)])
async def test_pages_of_the_origins_set_may(origin: str, allowed: bool, tmp_path: Path) -> None:
    keys = tmp_path / "keys.toml"
    keys.write_text("[keys]\n")
    headers = {
        "Origin": origin,
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "authorization, content-type, x-request-id",
    }
    async with gateway(
        FakeModelServer(), cors_origins=f"https://a.example, {ORIGIN}", keys_file=keys
    ) as client:
        preflight = await client.options("/predict", headers=headers)
        refused = await client.post("/predict", content=PNG, headers={"Origin": origin})

    expected = origin if allowed else None
    assert preflight.headers.get("access-control-allow-origin") == expected
    assert preflight.is_success is allowed
    assert refused.status_code == 401  # and the page's script may read why
    assert refused.headers.get("access-control-allow-origin") == expected
    assert "access-control-allow-credentials" not in preflight.headers
