"""`--model_config_file`: TensorFlow Serving's own configuration, read again while the server runs."""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from google.protobuf import text_format
from tensorflow_serving.config import model_server_config_pb2

from serving.embedded.errors import ConfigError

_LOG = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class ModelConfig:
    """What is to be served of one model.

    Attributes:
        base_path: its versions lie in it.
        latest: how many of the newest are served; None for `versions`.
        versions: exactly these, where they are there; None for all of them.
        labels: version by label.
    """

    base_path: Path
    latest: int | None = 1
    versions: frozenset[int] | None = None
    labels: Mapping[str, int] = field(default_factory=dict)

    def aspired(self, folders: Mapping[int, Path]) -> dict[int, Path]:
        """Those to be served of the versions that are there."""
        if self.latest is not None:
            return {number: folders[number] for number in sorted(folders, reverse=True)[: self.latest]}
        wanted = folders.keys() if self.versions is None else folders.keys() & self.versions
        return {number: folders[number] for number in wanted}


def read_config(path: Path) -> dict[str, ModelConfig]:
    """Read a ModelServerConfig in text form, by the model's name.

    Raises:
        ConfigError: it cannot be read; a model without a name or a base path, or one named twice.
    """
    message = model_server_config_pb2.ModelServerConfig()
    try:
        text_format.Parse(path.read_text("utf-8"), message)
    except (OSError, UnicodeDecodeError, text_format.ParseError) as exc:
        raise ConfigError(f"cannot read {path}: {exc}") from exc
    models: dict[str, ModelConfig] = {}
    for config in message.model_config_list.config:
        if not config.name or not config.base_path:
            raise ConfigError(f"{path}: a model without a name or a base_path")
        if config.name in models:
            raise ConfigError(f"{path}: model {config.name} is there twice")
        models[config.name] = _model_config(config)
    return models


class ConfigFile:
    """The configuration as it was last read.

    Args:
        path: of the file.
        poll_seconds: how old what was read may get; 0 reads once and never again.

    Raises:
        ConfigError: it cannot be read the first time.
    """

    def __init__(self, path: Path, *, poll_seconds: float = 0.0) -> None:
        self.poll_seconds = poll_seconds
        self._path = path
        self._models = read_config(path)
        self._read_at = time.monotonic()
        self._complained = ""

    def models(self) -> Mapping[str, ModelConfig]:
        """What is to be served now, by the model's name; as before where the file has become unreadable."""
        if self.poll_seconds and time.monotonic() - self._read_at >= self.poll_seconds:
            self._read_again()
        return self._models

    def _read_again(self) -> None:
        self._read_at = time.monotonic()
        try:
            self._models = read_config(self._path)
            self._complained = ""
        except ConfigError as exc:
            if str(exc) != self._complained:
                _LOG.error("going on with the configuration of before: %s", exc)
            self._complained = str(exc)


def _model_config(config: Any) -> ModelConfig:
    policy = config.model_version_policy
    choice = policy.WhichOneof("policy_choice") or "latest"
    versions = frozenset(policy.specific.versions) if choice == "specific" else None
    return ModelConfig(
        base_path=Path(config.base_path),
        # TensorFlow Serving's own default where a policy says nothing, or says 0.
        latest=(policy.latest.num_versions or 1) if choice == "latest" else None,
        versions=versions,
        labels=dict(config.version_labels),
    )
