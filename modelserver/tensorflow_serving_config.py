"""The two files `tensorflow_model_server` reads: which models, and how it batches. Text protobuf."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from contract.batch_sizes import batch_sizes

# Two, so that a request on its way to the version that was the newest still finds it.
VERSIONS_KEPT = 2
# How many full batches may wait: beyond that the server refuses at once and the gateway answers 503.
_MAX_ENQUEUED_BATCHES = 100


def models_config(models: Mapping[str, Path]) -> str:
    """`--model_config_file`: the newest two versions of every model."""
    return "".join(
        ["model_config_list {\n"]
        + [_model_config(name, folder.resolve()) for name, folder in models.items()]
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


def _model_config(name: str, base_path: Path) -> str:
    return (
        "  config {\n"
        f"    name: {json.dumps(name)}\n"
        f"    base_path: {json.dumps(str(base_path))}\n"
        '    model_platform: "tensorflow"\n'
        f"    model_version_policy {{ latest {{ num_versions: {VERSIONS_KEPT} }} }}\n"
        "  }\n"
    )
