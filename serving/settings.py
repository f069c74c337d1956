"""All that a deployment may set, read once: `MIWAKE_…` in the environment, or the command's options.

Nothing about a model stands here: that is its manifest's.
"""

from __future__ import annotations

import os
from typing import Annotated, Self

from pydantic import Field, field_validator, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from contract.image import DEFAULT_MAX_PIXELS

MIB = 1024 * 1024
MAX_IMAGES = 1024
# Above this Pillow warns of a decompression bomb, and from twice of it refuses by itself.
_PILLOW_MAX_PIXELS = 89_478_485


class Settings(BaseSettings):
    """Deployment settings of the gateway; each is `MIWAKE_` and its name in capitals."""

    model_config = SettingsConfigDict(env_prefix="MIWAKE_", frozen=True)

    models: Annotated[tuple[str, ...], NoDecode] = Field(
        min_length=1, description="Names of the models served, separated by commas."
    )
    default_model: str = Field(default="", description="Answers /predict; the first of `models` by default.")
    model_server: str = Field(
        default="auto",
        pattern=r"^(auto|local|embedded)$|:",
        description="`auto`, `local` or `embedded` start one on this machine; HOST:PORT is one that runs.",
    )
    host: str = "127.0.0.1"
    port: int = Field(default=8000, ge=0, le=65535)

    timeout_seconds: float = Field(
        default=10.0, gt=0, description="For one request once its body is here, all its waits included."
    )
    receive_timeout_seconds: float = Field(default=60.0, gt=0, description="For a request's body to arrive.")
    shutdown_timeout_seconds: int = Field(
        default=30, gt=0, description="For requests in flight to end after SIGTERM."
    )
    self_test_timeout_seconds: float = Field(default=60.0, gt=0, description="For each call of a self-test.")
    poll_seconds: float = Field(default=1.0, gt=0, description="Between two looks for new versions.")

    max_body_bytes: int = Field(default=32 * MIB, gt=0)
    max_images_per_request: int = Field(default=64, gt=0, le=MAX_IMAGES)
    max_image_pixels: int = Field(default=DEFAULT_MAX_PIXELS, gt=0, le=_PILLOW_MAX_PIXELS)

    max_calls_in_flight: int = Field(
        default=2, gt=0, description="Predict calls under way at once, for each model version."
    )
    max_waiting_images: int = Field(
        default=1024, gt=0, description="Images waiting for a call, for each version; more gives 503."
    )
    decode_threads: int = Field(default_factory=lambda: os.cpu_count() or 1, gt=0)

    @field_validator("models", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        return tuple(filter(None, map(str.strip, value.split(",")))) if isinstance(value, str) else value

    @model_validator(mode="after")
    def _default_is_served(self) -> Self:
        if self.default_model and self.default_model not in self.models:
            raise ValueError(f"MIWAKE_DEFAULT_MODEL {self.default_model!r} is not one of MIWAKE_MODELS")
        return self

    @property
    def default(self) -> str:
        """The model that answers where a request names none."""
        return self.default_model or self.models[0]
