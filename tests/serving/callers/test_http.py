"""Who may call, over HTTP: what is open, what is refused, and how."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.routing import iter_route_contexts
from prometheus_client import CollectorRegistry

from modelserver.models_file import ModelsFile
from serving.app import create_app
from serving.callers.api_keys import key_digest
from serving.callers.new_keys import Allowance, add_key
from serving.callers.tokens import ALGORITHMS
from serving.versions.routing import Routing
from tests.fake_model_server import FakeModelServer, FakeVersion
from tests.pictures import encoded
from tests.serving.callers.signed_tokens import AUDIENCE, ISSUER, Signer, write_key_set
from tests.serving.gateway_client import AtAddresses, gateway, settings

PNG = encoded()
PROBES = ("/livez", "/readyz", "/startupz")
CLOSED = (
    "/",
    "/docs",
    "/docs/oauth2-redirect",
    "/openapi.json",
    "/static-offline-docs/swagger-ui.css",
    "/metrics",
    "/models",
    "/models/toy",
    "/nowhere",
    "/livez/",
    "//livez",
    "/LIVEZ",
    "/livez/../metrics",
    "/livez%2f..%2fmetrics",
    "/livez;x",
)


@pytest.fixture
def keys_file(tmp_path: Path) -> Path:
    path = tmp_path / "keys.toml"
    path.write_text("[keys]\n")
    return path


@pytest.fixture
def key(keys_file: Path) -> str:
    return add_key(keys_file, "shop", Allowance())


@pytest.mark.parametrize("path", CLOSED)
async def test_without_credentials_nothing_but_probes_answers(path: str, keys_file: Path) -> None:
    async with gateway(FakeModelServer(), keys_file=keys_file) as client:
        response = await client.get(path)
        probes = [await client.get(probe) for probe in PROBES]

    problem = response.json()
    assert (response.status_code, problem["code"]) == (401, "unauthenticated")
    assert response.headers["content-type"] == "application/problem+json"
    assert response.headers["www-authenticate"] == "Bearer"
    assert problem["request_id"] == response.headers["x-request-id"]
    assert {probe.status_code for probe in probes} == {200}


@pytest.mark.parametrize("path", ["/v2", "/v2/models/toy/ready", "/v2/models/toy"])
async def test_other_protocols_are_refused_in_their_own_words(path: str, keys_file: Path) -> None:
    async with gateway(FakeModelServer(), keys_file=keys_file) as client:
        response = await client.get(path)

    assert response.status_code == 401
    assert response.headers["www-authenticate"] == "Bearer"
    assert list(response.json()) == ["error"]


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "TRACE", "PROPFIND"])
async def test_no_method_goes_around_the_door(method: str, keys_file: Path) -> None:
    async with gateway(FakeModelServer(), keys_file=keys_file) as client:
        preflight = {"Origin": "https://page.example", "Access-Control-Request-Method": "POST"}
        responses = [
            await client.request(method, "/predict"),
            await client.request(method, "/predict", headers=preflight),
        ]

    assert [response.status_code for response in responses] == [401, 401]


async def test_a_key_opens_everything_in_either_header(keys_file: Path, key: str) -> None:
    async with gateway(FakeModelServer(), keys_file=keys_file) as client:
        for headers in ({"Authorization": f"Bearer {key}"}, {"X-API-Key": key}):
            predicted = await client.post("/predict", content=PNG, headers=headers)
            metrics = await client.get("/metrics", headers=headers)
            unknown = await client.get("/nowhere", headers=headers)

            statuses = [predicted.status_code, metrics.status_code, unknown.status_code]
            assert statuses == [200, 200, 404]


@pytest.mark.parametrize(
    "value",
    [
        b"Bearer ",
        b"Bearer \xff\xfe",
        b"Bearer " + b"a" * 8192,
        b"Bearer " + b"\x80" * 8192,
        b"\xf0\x9f\x94\x91",
    ],
)
async def test_bytes_of_any_kind_are_no_key_and_no_error(value: bytes, keys_file: Path, key: str) -> None:
    del key
    async with gateway(FakeModelServer(), keys_file=keys_file) as client:
        for name in (b"authorization", b"x-api-key"):
            response = await client.get("/models", headers=[(name, value)])

            assert (response.status_code, response.json()["code"]) == (401, "unauthenticated")


@pytest.mark.parametrize("algorithm", sorted(ALGORITHMS))
async def test_a_token_opens_too_and_a_wrong_one_does_not(algorithm: str, tmp_path: Path) -> None:
    signer = Signer(algorithm)
    jwks = write_key_set(tmp_path / "jwks.json", signer.jwk())
    tokens = [signer.token(), signer.token(aud="others"), signer.token(exp=1), Signer(algorithm).token()]

    async with gateway(FakeModelServer(), jwks_file=jwks, jwt_issuer=ISSUER, jwt_audience=AUDIENCE) as client:
        statuses = [
            (await client.get("/models", headers={"Authorization": f"Bearer {token}"})).status_code
            for token in tokens
        ]

    assert statuses == [200, 401, 401, 401]


async def test_keys_and_tokens_may_both_be_set(keys_file: Path, key: str, tmp_path: Path) -> None:
    signer = Signer("ES256")
    jwks = write_key_set(tmp_path / "jwks.json", signer.jwk())
    both = {"keys_file": keys_file, "jwks_file": jwks, "jwt_issuer": ISSUER, "jwt_audience": AUDIENCE}
    async with gateway(FakeModelServer(), **both) as client:
        for credential in (key, signer.token()):
            response = await client.get("/models", headers={"Authorization": f"Bearer {credential}"})

            assert response.status_code == 200


async def test_a_caller_that_asks_too_often_is_told_when_to_come_back(keys_file: Path) -> None:
    slow = add_key(keys_file, "slow", Allowance(requests_per_second=0.1, burst=2))
    other = add_key(keys_file, "other", Allowance())
    async with gateway(FakeModelServer(), keys_file=keys_file) as client:
        answers = [await client.get("/models", headers={"X-API-Key": slow}) for _ in range(3)]
        others = await client.get("/models", headers={"X-API-Key": other})

    last = answers[-1]
    assert [answer.status_code for answer in answers] == [200, 200, 429]
    assert last.json()["code"] == "rate_limited"
    assert 1 <= int(last.headers["retry-after"]) <= 10
    assert others.status_code == 200


async def test_requests_are_counted_by_caller(keys_file: Path, tmp_path: Path) -> None:
    signer = Signer("ES256")
    jwks = write_key_set(tmp_path / "jwks.json", signer.jwk())
    slow = add_key(keys_file, "slow", Allowance(requests_per_second=0.1, burst=1))
    both = {"keys_file": keys_file, "jwks_file": jwks, "jwt_issuer": ISSUER, "jwt_audience": AUDIENCE}
    async with gateway(FakeModelServer(), **both) as client:
        for _ in range(3):
            await client.get("/models", headers={"X-API-Key": slow})
        await client.get("/models", headers={"X-API-Key": "mwk_wrong"})
        client.headers["Authorization"] = f"Bearer {signer.token(sub='alice')}"
        metrics = (await client.get("/metrics")).text

    called = f"key:{key_digest(slow).hex()[:12]}"
    counted = [line for line in metrics.splitlines() if line.startswith("miwake_caller_requests_total{")]
    assert sorted(counted) == [
        f'miwake_caller_requests_total{{caller="{called}",result="admitted"}} 1.0',
        f'miwake_caller_requests_total{{caller="{called}",result="rate_limited"}} 2.0',
        'miwake_caller_requests_total{caller="sub:2bd806c97f0e",result="admitted"} 1.0',
    ]


async def test_what_an_operator_calls_a_key_leaves_the_process_nowhere(
    keys_file: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    key = add_key(keys_file, "acme-corp", Allowance())
    async with gateway(FakeModelServer(), keys_file=keys_file) as client:
        client.headers["X-API-Key"] = key
        await client.post("/predict", content=PNG)
        metrics = (await client.get("/metrics")).text

    (line,) = [record for record in caplog.records if "POST /predict" in record.getMessage()]
    assert line.fields["caller"] == f"key:{key_digest(key).hex()[:12]}"
    assert "acme-corp" not in metrics + "".join(str(vars(record)) for record in caplog.records)


async def test_the_rate_of_the_deployment_holds_for_keys_without_one(keys_file: Path, key: str) -> None:
    limits = {"caller_requests_per_second": 0.1, "caller_burst": 1}
    async with gateway(FakeModelServer(), keys_file=keys_file, **limits) as client:
        answers = [await client.get("/models", headers={"X-API-Key": key}) for _ in range(2)]

    assert [answer.status_code for answer in answers] == [200, 429]


async def test_a_key_of_some_models_sees_and_uses_no_others(keys_file: Path) -> None:
    key = add_key(keys_file, "shop", Allowance(models=("other",)))
    server = FakeModelServer({"toy": {1: FakeVersion()}, "other": {1: FakeVersion()}})
    async with gateway(server, models=("toy", "other"), keys_file=keys_file) as client:
        client.headers["X-API-Key"] = key
        listed = (await client.get("/models")).json()["models"]
        refused = await client.post("/predict", content=PNG)

    assert [model["name"] for model in listed] == ["other"]
    assert (refused.status_code, refused.json()["code"]) == (403, "forbidden")


def routes_of_models(app: FastAPI) -> list[tuple[str, str]]:
    """Every method and path that names a model in it."""
    return [
        (method, context.path)
        for context in iter_route_contexts(app.routes)
        if "{" in (context.path or "")
        for method in context.methods or ()
    ]


def an_app(**changes: Any) -> FastAPI:
    return create_app(
        settings(**changes),
        AtAddresses(only=FakeModelServer()),
        Routing(ModelsFile.of(("toy",))),
        registry=CollectorRegistry(),
    )


@pytest.mark.parametrize("model", ["toy", "unknown"])
@pytest.mark.parametrize(("method", "path"), routes_of_models(an_app()))
async def test_every_route_of_a_model_asks_whether_the_caller_may_use_it(
    method: str, path: str, model: str, keys_file: Path
) -> None:
    key = add_key(keys_file, "shop", Allowance(models=("other",)))
    url = path.replace("{model}", model).replace("{version}", "1").replace("{label}", "stable")
    async with gateway(FakeModelServer(), keys_file=keys_file) as client:
        response = await client.request(method, url, headers={"X-API-Key": key})

    assert "{" not in url
    assert response.status_code == 403
