"""A gateway in front of strangers, as a process: keys, tokens, an admin port, mTLS to its model server."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import grpc
import httpx
import pytest

from serving.callers.new_keys import Allowance, add_key, revoke_key
from tests.certificates import Authority
from tests.fake_model_server import FakeModelServer
from tests.gateway_process import GatewayProcess, free_port
from tests.grpc_model_server import grpc_model_server
from tests.pictures import encoded
from tests.serving.callers.signed_tokens import AUDIENCE, ISSUER, Signer, write_key_set

pytestmark = pytest.mark.slow

PNG = encoded()
NAME = "models.example"


@dataclass(frozen=True, kw_only=True)
class Deployment:
    gateway: GatewayProcess
    keys_file: Path
    key: str
    signer: Signer
    admin_url: str

    @property
    def url(self) -> str:
        return self.gateway.url


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("deployment")
    version = folder / "models" / "toy" / "1"
    version.mkdir(parents=True)
    (version / "saved_model.pb").touch()
    return folder


@pytest.fixture(scope="module")
def tls(folder: Path) -> tuple[grpc.ServerCredentials, dict[str, str]]:
    """The model server's side, and the gateway's settings."""
    authority = Authority(folder)
    server, client = authority.sign(NAME), authority.sign("gateway")
    credentials = grpc.ssl_server_credentials(
        [(server.key.read_bytes(), server.certificate.read_bytes())],
        root_certificates=authority.ca.certificate.read_bytes(),
        require_client_auth=True,
    )
    return credentials, {
        "MIWAKE_MODEL_SERVER_CA": str(authority.ca.certificate),
        "MIWAKE_MODEL_SERVER_CERT": str(client.certificate),
        "MIWAKE_MODEL_SERVER_KEY": str(client.key),
        "MIWAKE_MODEL_SERVER_NAME": NAME,
    }


@pytest.fixture(scope="module")
def deployment(folder: Path, tls: tuple[grpc.ServerCredentials, dict[str, str]]) -> Iterator[Deployment]:
    credentials, tls_settings = tls
    keys_file, signer, admin_port = folder / "keys.toml", Signer("ES256"), free_port()
    key = add_key(keys_file, "shop", Allowance())
    environment = tls_settings | {
        "MIWAKE_KEYS_FILE": str(keys_file),
        "MIWAKE_JWKS_FILE": str(write_key_set(folder / "jwks.json", signer.jwk())),
        "MIWAKE_JWT_ISSUER": ISSUER,
        "MIWAKE_JWT_AUDIENCE": AUDIENCE,
        "MIWAKE_ADMIN_PORT": str(admin_port),
    }
    with (
        grpc_model_server(FakeModelServer(), credentials=credentials) as address,
        GatewayProcess(
            folder / "models",
            "--model-server",
            address,
            log=folder / "log",
            environment=environment,
        ) as gateway,
    ):
        yield Deployment(
            gateway=gateway,
            keys_file=keys_file,
            key=key,
            signer=signer,
            admin_url=f"http://127.0.0.1:{admin_port}",
        )


def test_a_caller_with_a_key_or_a_token_is_answered_over_mutual_tls(deployment: Deployment) -> None:
    for credential in (deployment.key, deployment.signer.token()):
        response = httpx.post(
            f"{deployment.url}/predict", content=PNG, headers={"Authorization": f"Bearer {credential}"}
        )

        assert response.status_code == 200
        assert response.json()["predictions"][0]["label"] == "cat"


def test_a_stranger_is_refused_before_the_body_is_sent(deployment: Deployment) -> None:
    answer = exchange(
        deployment.gateway.port,
        b"POST /predict HTTP/1.1\r\nHost: x\r\nContent-Type: image/jpeg\r\nContent-Length: 40000000\r\n\r\n",
    )

    assert answer.startswith(b"HTTP/1.1 401")
    assert b"unauthenticated" in answer
    assert b"connection: close" in answer.lower()


def test_a_stranger_that_waits_for_a_go_ahead_gets_none(deployment: Deployment) -> None:
    answer = exchange(
        deployment.gateway.port,
        b"POST /predict HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 9\r\n\r\n",
    )

    assert answer.startswith(b"HTTP/1.1 401")
    assert b"100 Continue" not in answer


def test_a_stranger_that_sends_it_all_the_same_reads_the_refusal(deployment: Deployment) -> None:
    deployment.gateway.reset_peak()
    before = deployment.gateway.resident_bytes()

    response = httpx.post(f"{deployment.url}/predict", content=b"x" * 40_000_000)

    assert (response.status_code, response.json()["code"]) == (401, "unauthenticated")
    assert deployment.gateway.peak_bytes() - before < 20_000_000


def test_refusals_without_a_body_keep_the_connection(deployment: Deployment) -> None:
    with httpx.Client(base_url=deployment.url) as client:
        responses = [client.get("/models") for _ in range(3)]

    assert [response.status_code for response in responses] == [401] * 3
    assert "connection" not in responses[-1].headers


@pytest.mark.parametrize(
    "line", [b"OPTIONS * HTTP/1.1", b"GET http://x/metrics HTTP/1.1", b"GET /%6cives HTTP/1.1"]
)
def test_an_odd_request_line_opens_nothing(line: bytes, deployment: Deployment) -> None:
    answer = exchange(deployment.gateway.port, line + b"\r\nHost: x\r\nConnection: close\r\n\r\n")

    assert answer.split(b" ")[1] in {b"400", b"401"}


def test_a_key_that_is_made_or_revoked_counts_without_a_restart(deployment: Deployment) -> None:
    new = add_key(deployment.keys_file, "new", Allowance())
    wait_for(deployment, new, status=200)
    revoke_key(deployment.keys_file, "new")
    wait_for(deployment, new, status=401)

    assert models(deployment, deployment.key).status_code == 200


def test_metrics_are_on_the_admin_port_alone_and_probes_on_both(deployment: Deployment) -> None:
    headers = {"X-API-Key": deployment.key}

    assert httpx.get(f"{deployment.url}/metrics", headers=headers).status_code == 404
    assert "miwake_requests" in httpx.get(f"{deployment.admin_url}/metrics").text
    for probe in ("livez", "readyz", "startupz"):
        assert httpx.get(f"{deployment.admin_url}/{probe}").status_code == 200
        assert httpx.get(f"{deployment.url}/{probe}").status_code == 200
    elsewhere = httpx.get(f"{deployment.admin_url}/models", headers=headers)
    assert (elsewhere.status_code, elsewhere.json()["code"]) == (404, "not_found")


def test_no_secret_is_in_any_answer_log_or_metric(deployment: Deployment) -> None:
    good, stranger = deployment.signer, Signer("ES256")
    secrets = [
        deployment.key,
        "mwk_" + "wrong0123456789" * 3,
        "short-secret",
        "A1b2C3d4" * 1024,
        "x" * 9000,
        good.token(),
        good.token(sub="subject-of-nobody"),
        good.token(exp=1),
        good.token(aud="others"),
        stranger.token(),
        stranger.token(headers={"kid": "kid-of-nobody"}),
    ]
    answers = [
        answer
        for secret in secrets
        for headers in (
            {"Authorization": f"Bearer {secret}"},
            {"Authorization": f"Basic {secret}"},
            {"Authorization": secret},
            {"X-API-Key": secret},
            [("Authorization", f"Bearer {secret}"), ("Authorization", f"Bearer {secret}")],
        )
        for answer in (
            httpx.post(f"{deployment.url}/predict", content=PNG, headers=headers),
            httpx.get(f"{deployment.url}/nowhere", headers=headers),
            httpx.post(f"{deployment.url}/v2/models/toy/infer", content=b"{", headers=headers),
        )
    ]
    weird = exchange(
        deployment.gateway.port,
        b"GET /models HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
        b"Authorization: Bearer short-secret\xff\xfe\x80\r\n\r\n",
    )

    seen = "\n".join(
        [
            deployment.gateway.log,
            httpx.get(f"{deployment.admin_url}/metrics").text,
            weird.decode("latin-1"),
            *(f"{answer.headers}\n{answer.text}" for answer in answers),
        ]
    )
    assert {answer.status_code for answer in answers} == {200, 400, 401, 404}
    assert weird.startswith(b"HTTP/1.1 401")
    for secret in [*secrets, "subject-of-nobody"]:
        for part in (secret, secret[-20:], *secret.split(".")):
            assert part not in seen


def test_the_admin_port_answers_until_the_gateway_has_ended(folder: Path, tmp_path: Path) -> None:
    admin_port = free_port()
    environment = {"MIWAKE_ADMIN_PORT": str(admin_port), "MIWAKE_DRAIN_SECONDS": "2"}
    with (
        grpc_model_server(FakeModelServer()) as address,
        GatewayProcess(
            folder / "models", "--model-server", address, log=tmp_path / "log", environment=environment
        ) as gateway,
    ):
        gateway.process.send_signal(signal.SIGTERM)
        gateway.wait_until_ready(ready=False)
        probe = httpx.get(f"http://127.0.0.1:{admin_port}/readyz")
        metrics = httpx.get(f"http://127.0.0.1:{admin_port}/metrics")
        status = gateway.process.wait(10)

    assert (probe.status_code, metrics.status_code) == (503, 200)
    assert "about to end" in probe.json()["detail"]
    assert status == 0
    assert "Traceback" not in gateway.log


def test_an_admin_port_that_is_taken_ends_the_gateway_with_a_word(folder: Path) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        result = serve(folder, MIWAKE_ADMIN_PORT=str(other.getsockname()[1]))

    assert result.returncode == 3  # uvicorn's, as for the port itself
    assert "ddress already in use" in result.stderr
    assert "Traceback" not in result.stderr


@pytest.mark.parametrize(
    ("settings", "text"),
    [
        ({"KEYS_FILE": "{folder}/nowhere.toml"}, "nowhere.toml: No such file or directory"),
        ({"KEYS_FILE": "{folder}/models/toy/1/saved_model.pb"}, "saved_model.pb: keys: Field required"),
        ({"JWKS_FILE": "{folder}/jwks.json"}, "needs MIWAKE_JWT_ISSUER and MIWAKE_JWT_AUDIENCE"),
        (
            {"JWKS_FILE": "{folder}/nowhere.json", "JWT_ISSUER": "a", "JWT_AUDIENCE": "b"},
            "nowhere.json: No such file or directory",
        ),
        ({"MODEL_SERVER_CA": "{folder}/nowhere.pem"}, "nowhere.pem: No such file or directory"),
        ({"MODEL_SERVER_CERT": "{folder}/gateway.crt"}, "need each other"),
        (
            {
                "MODEL_SERVER_CA": "{folder}/ca.crt",
                "MODEL_SERVER_CERT": "{folder}/gateway.crt",
                "MODEL_SERVER_KEY": "{folder}/models.example.key",
            },
            "are not a certificate and its unencrypted key",
        ),
        ({"CORS_ORIGINS": "page.example"}, "MIWAKE_CORS_ORIGINS"),
        ({"CALLER_REQUESTS_PER_SECOND": "0"}, "MIWAKE_CALLER_REQUESTS_PER_SECOND"),
    ],
)
@pytest.mark.usefixtures("tls")
def test_a_setting_that_cannot_be_is_one_clear_line(
    settings: dict[str, str], text: str, folder: Path
) -> None:
    environment = {f"MIWAKE_{name}": value.format(folder=folder) for name, value in settings.items()}

    result = serve(folder, **environment)

    errors = [line for line in result.stderr.splitlines() if line.startswith("Error: ")]
    assert result.returncode == 1
    assert len(errors) == 1
    assert text in errors[0]
    assert "Traceback" not in result.stderr


def exchange(port: int, request: bytes) -> bytes:
    """Send a request as it is; what comes until the connection ends or pauses."""
    answer = b""
    with socket.create_connection(("127.0.0.1", port), timeout=5) as connection:
        connection.sendall(request)
        with contextlib.suppress(ConnectionError):
            while chunk := connection.recv(65536):
                answer += chunk
    return answer


def models(deployment: Deployment, key: str) -> httpx.Response:
    return httpx.get(f"{deployment.url}/models", headers={"X-API-Key": key})


def wait_for(deployment: Deployment, key: str, *, status: int) -> None:
    give_up = time.monotonic() + 10
    while models(deployment, key).status_code != status:
        assert time.monotonic() < give_up
        time.sleep(0.1)


def serve(folder: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """A gateway that does not come up."""
    command = [
        "-m",
        "miwake",
        "serve",
        str(folder / "models"),
        "--model-server",
        "127.0.0.1:9",
        "--port",
        "0",
    ]
    return subprocess.run(
        [sys.executable, *command],
        env=os.environ | environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def test_miwake_predict_is_answered_with_the_key_of_a_file(deployment: Deployment, tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(PNG)
    (tmp_path / "key").write_text(deployment.key + "\n")
    command = [sys.executable, "-m", "miwake", "predict", tmp_path / "a.png", "--url", deployment.url]

    without = subprocess.run(command, capture_output=True, text=True, check=False)
    with_key = subprocess.run(
        [*command, "--api-key-file", tmp_path / "key"], capture_output=True, text=True, check=False
    )

    assert (without.returncode, with_key.returncode) == (1, 0), with_key.stderr
    assert deployment.key not in without.stderr + with_key.stdout
