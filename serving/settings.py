"""All that a deployment may set, read once: `MIWAKE_…` in the environment, or the command's options.

Nothing about a model stands here: that is its manifest's.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, Self

from pydantic import BeforeValidator, Field, StringConstraints, model_validator
from pydantic_settings import BaseSettings, NoDecode, PydanticBaseSettingsSource, SettingsConfigDict

from contract.image import DEFAULT_MAX_PIXELS
from serving.telemetry.log_lines import LogFormat

PREFIX = "MIWAKE_"
MIB = 1024 * 1024
MAX_IMAGES = 1024
# Above this Pillow warns of a decompression bomb, and from twice of it refuses by itself.
_PILLOW_MAX_PIXELS = 89_478_485


def _split(value: object) -> object:
    """A list as the environment holds one: with commas."""
    return tuple(filter(None, map(str.strip, value.split(",")))) if isinstance(value, str) else value


# As a browser writes it.
_Origin = Annotated[str, StringConstraints(pattern=r"^(\*|https?://([a-z0-9.-]+|\[[0-9a-f:]+\])(:[0-9]+)?)$")]
_HostPattern = Annotated[
    str, StringConstraints(to_lower=True, pattern=r"^(\*\.)?[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+$")
]
_Port = Annotated[int, Field(gt=0, le=65535)]


class Settings(BaseSettings):
    """Deployment settings of the gateway; each is `MIWAKE_` and its name in capitals."""

    # Compose files and charts write what is not set as empty.
    model_config = SettingsConfigDict(env_prefix=PREFIX, env_ignore_empty=True, frozen=True)

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],  # noqa: ARG003
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """What is given, then the environment: no .env file and no folder of secrets is looked for."""
        return init_settings, env_settings

    models_file: Path | None = Field(
        default=None, description="models.toml: models, their aliases and shares; read again when it changes."
    )
    model_server: str = Field(
        default="auto",
        pattern=r"^(auto|local|embedded)$|:",
        description="`auto`, `local` or `embedded` start one on this machine; HOST:PORT is one that runs, or "
        "several behind one name; more names after commas.",
    )
    host: str = "127.0.0.1"
    port: int = Field(default=8000, ge=0, le=65535)
    grpc_port: int | None = Field(
        default=None, ge=0, le=65535, description="The Open Inference Protocol over gRPC, on `host`."
    )
    grpc_max_calls: int = Field(
        default=256, gt=0, description="gRPC calls under way at once; more get UNAVAILABLE."
    )

    model_server_ca: Path | None = Field(
        default=None, description="TLS to the model server: who signs its certificate. PEM, as the next two."
    )
    model_server_cert: Path | None = Field(default=None, description="mTLS: the gateway's own certificate.")
    model_server_key: Path | None = Field(default=None, description="mTLS: its key, unencrypted.")
    model_server_name: str = Field(
        default="", description="The name in its certificate; the host of `model_server` by default."
    )

    keys_file: Path | None = Field(
        default=None,
        description="API keys, made by `miwake keys new`; read again when it changes. With this or "
        "`jwks_file` only probes are open to anyone.",
    )
    jwks_file: Path | None = Field(
        default=None,
        description="Public keys of those who sign tokens, a JWKS document; read again when it changes. "
        "Needs the next two.",
    )
    jwt_issuer: str = Field(default="", description="The `iss` that a token must have.")
    jwt_audience: str = Field(default="", description="The `aud` that a token must have or hold.")
    caller_requests_per_second: float | None = Field(
        default=None,
        gt=0,
        allow_inf_nan=False,
        description="Of each caller whose key says nothing else; more gives 429.",
    )
    caller_burst: int | None = Field(
        default=None, gt=0, description="Of them at once; those of one second by default."
    )
    caller_share: float | None = Field(
        default=None,
        gt=0,
        le=1,
        description="Of the requests, the bytes and the images of each kind that may be under way, for one "
        "caller; more gives 429. All of it by default. Of callers with a key or a token alone.",
    )
    cors_origins: Annotated[tuple[_Origin, ...], NoDecode, BeforeValidator(_split)] = Field(
        default=(),
        description="Origins whose pages may call from a browser, as https://HOST, between commas; or *.",
    )
    admin_host: str = "127.0.0.1"
    admin_port: int | None = Field(
        default=None,
        ge=0,
        le=65535,
        description="/metrics moves there, and probes are there too; open to anyone who reaches it.",
    )

    timeout_seconds: float = Field(
        default=10.0, gt=0, description="For one request once its body is here, all its waits included."
    )
    max_timeout_seconds: float = Field(
        default=60.0, gt=0, description="The most that a client's X-Request-Timeout may ask for."
    )
    receive_timeout_seconds: float = Field(default=60.0, gt=0, description="For a request's body to arrive.")
    drain_seconds: float = Field(
        default=3.0, ge=0, description="After SIGTERM: not ready, but still answering, until proxies know."
    )
    shutdown_timeout_seconds: int = Field(
        default=30, gt=0, description="For requests in flight to end, after that."
    )
    self_test_timeout_seconds: float = Field(default=60.0, gt=0, description="For each call of a self-test.")
    poll_seconds: float = Field(default=1.0, gt=0, description="Between two looks for new versions.")
    resolve_seconds: float = Field(
        default=10.0, gt=0, description="Between two looks for the addresses of the model server's name."
    )
    retry_share: float = Field(
        default=0.1, ge=0, le=1, description="Second attempts where a model server went away, per request."
    )
    retry_wait_seconds: float = Field(
        default=1.0, gt=0, description="That a second attempt waits for a model server to come back."
    )

    max_requests_in_flight: int = Field(
        default=1024, gt=0, description="Requests with images that are received or answered; more gives 503."
    )
    max_bytes_in_flight: int = Field(
        default=512 * MIB, gt=0, description="Of their bodies, as far as they are here; more gives 503."
    )
    max_body_bytes: int = Field(default=32 * MIB, gt=0)
    max_images_per_request: int = Field(default=64, gt=0, le=MAX_IMAGES)
    max_image_pixels: int = Field(default=DEFAULT_MAX_PIXELS, gt=0, le=_PILLOW_MAX_PIXELS)

    url_hosts: Annotated[tuple[_HostPattern, ...], NoDecode, BeforeValidator(_split)] = Field(
        default=(),
        description="Hosts that images may be fetched from, separated by commas; `*.example.com` for all "
        "names below one. Without any, URLs are refused.",
    )
    url_ports: Annotated[tuple[_Port, ...], NoDecode, BeforeValidator(_split)] = Field(
        default=(80, 443), description="Ports of theirs, separated by commas."
    )
    url_plain_http: bool = Field(default=False, description="Whether http:// is fetched beside https://.")
    url_max_redirects: int = Field(default=3, ge=0, le=10, description="Each checked as the URL itself is.")
    url_max_connections: int = Field(
        default=16, gt=0, description="Open at once for all requests; more downloads wait."
    )

    max_calls_in_flight: int = Field(
        default=2, gt=0, description="Predict calls under way at once, for each model version."
    )
    max_predicted_images: int = Field(
        default=1024,
        gt=0,
        description="Images to predict that are let in and not answered, for each model; more gives 503.",
    )
    max_explained_images: int = Field(
        default=64, gt=0, description="The same for explanations, each of which costs several predictions."
    )
    max_embedded_images: int = Field(default=1024, gt=0, description="The same for embeddings.")
    max_wait_seconds: float = Field(
        default=0.5,
        gt=0,
        description="That the images let in may take at the present pace; a request that comes while they "
        "would take longer gets 503.",
    )
    free_images: int = Field(
        default=16, ge=0, description="Images that may be under way for each model at whatever pace."
    )
    decode_threads: int = Field(default_factory=lambda: os.cpu_count() or 1, gt=0)

    log_format: LogFormat = Field(
        default=LogFormat.JSON, description="`json`: an object a line, for machines; `text` for people."
    )
    otlp_endpoint: str = Field(
        default="",
        pattern=r"^(https?://\S+)?$",
        description="Gets traces by OTLP over HTTP: an OpenTelemetry collector such as http://collector:4318.",
    )
    trace_share: float = Field(
        default=1.0,
        ge=0,
        le=1,
        description="Of all traces, by their id: also of those whose parent is kept; none whose is not.",
    )

    @model_validator(mode="after")
    def _tokens_are_for_somebody(self) -> Self:
        if self.jwks_file and not (self.jwt_issuer and self.jwt_audience):
            raise ValueError("MIWAKE_JWKS_FILE needs MIWAKE_JWT_ISSUER and MIWAKE_JWT_AUDIENCE")
        return self

    @model_validator(mode="after")
    def _tls_is_whole(self) -> Self:
        if bool(self.model_server_cert) is not bool(self.model_server_key):
            raise ValueError("MIWAKE_MODEL_SERVER_CERT and MIWAKE_MODEL_SERVER_KEY need each other")
        if self.model_server_cert and not self.model_server_ca:
            raise ValueError("MIWAKE_MODEL_SERVER_CERT needs MIWAKE_MODEL_SERVER_CA")
        if self.model_server_ca and ":" not in self.model_server:
            raise ValueError("MIWAKE_MODEL_SERVER_CA is for a model server at HOST:PORT")
        return self


def unknown_names() -> list[str]:
    """Names in the environment that look like a setting and are none, such as a misspelt one."""
    known = {f"{PREFIX}{field}".upper() for field in Settings.model_fields}
    return sorted(name for name in os.environ if name.startswith(PREFIX) and name not in known)
