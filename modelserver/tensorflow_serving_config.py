"""The two files `tensorflow_model_server` reads: which models, and how it batches. Text protobuf."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from contract.batch_sizes import batch_sizes

# Two, so that a request on its way to the version that was the newest still finds it.
VERSIONS_KEPT = 2
# How many full batches may wait: beyond that the server refuses at once and the gateway answers 503.
_MAX_ENQUEUED_BATCHES = 100


@dataclass(frozen=True, kw_only=True)
class ServedFolder:
    """One model of `--model_config_file`.

    Attributes:
        base_path: of its versions, as the model server sees it.
        versions: those to serve; None for the newest two.
    """

    base_path: str
    versions: Sequence[int] | None = None


def models_config(models: Mapping[str, Path | ServedFolder]) -> str:
    """`--model_config_file`, by the model's name; a plain folder is served with its newest two versions."""
    return "".join(
        ["model_config_list {\n"]
        + [_model_config(name, _served_folder(folder)) for name, folder in models.items()]
        + ["}\n"]
    )


def batching_config(max_batch_size: int, *, threads: int) -> str:
    """`--batching_parameters_file`: the sizes the models were warmed up for, and no waiting for more.

    The gateway already sends what waits together; a timer would only add latency to a lone request.
    """
    sizes = "".join(f"allowed_batch_sizes: {size}\n" for size in batch_sizes(max_batch_size))
    return (
        f"max_batch_size {{ value: {max_batch_size} }}\n"
        "batch_timeout_micros { value: 0 }\n"
        f"max_enqueued_batches {{ value: {_MAX_ENQUEUED_BATCHES} }}\n"
        f"num_batch_threads {{ value: {threads} }}\n"
        f"{sizes}"
    )


def _served_folder(folder: Path | ServedFolder) -> ServedFolder:
    return folder if isinstance(folder, ServedFolder) else ServedFolder(base_path=str(folder.resolve()))


def _model_config(name: str, folder: ServedFolder) -> str:
    return (
        "  config {\n"
        f"    name: {json.dumps(name)}\n"
        f"    base_path: {json.dumps(folder.base_path)}\n"
        '    model_platform: "tensorflow"\n'
        f"    model_version_policy {{ {_policy(folder.versions)} }}\n"
        "  }\n"
    )


def _policy(versions: Sequence[int] | None) -> str:
    if versions is None:
        return f"latest {{ num_versions: {VERSIONS_KEPT} }}"
    return "specific { " + " ".join(f"versions: {version}" for version in versions) + " }"
