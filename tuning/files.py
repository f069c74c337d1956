"""A plan as the files that the model server, the gateway and the autoscaler read."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from contract.disk import write_atomically
from modelserver.tensorflow_serving_config import batching_config
from tuning.choice import Plan


def texts(plan: Plan) -> Mapping[str, str]:
    """The files by name: TensorFlow Serving's, the gateway's environment, the patch of its autoscaler."""
    return {
        "batching.config": batching_config(plan.max_batch_size, threads=plan.batch_threads),
        "gateway.env": _environment(plan),
        "autoscaler.yaml": _autoscaler(plan),
    }


def write(plan: Plan, folder: Path) -> list[Path]:
    """Write them; gives their paths.

    Raises:
        OSError: they cannot be written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for name, text in texts(plan).items():
        write_atomically(folder / name, text)
        paths.append(folder / name)
    return paths


def _environment(plan: Plan) -> str:
    point = plan.point
    return (
        "# Written by `miwake tune`: a model server gave "
        f"{point.images_per_second:.1f} images/s in batches of {point.load.batch_size},\n"
        f"# {point.load.calls_in_flight} calls at once, p99 {point.p99_seconds:.3f} s a call; "
        f"gateways for each model server: {plan.gateways}.\n"
        f"MIWAKE_MAX_CALLS_IN_FLIGHT={plan.calls_in_flight}\n"
        f"MIWAKE_MAX_WAIT_SECONDS={plan.max_wait_seconds:.3f}\n"
        f"MIWAKE_FREE_IMAGES={plan.free_images}\n"
    )


def _autoscaler(plan: Plan) -> str:
    return (
        "# Written by `miwake tune`, for deploy/components/in-flight-autoscaling/.\n"
        "- op: add\n"
        "  path: /spec/metrics/-\n"
        "  value:\n"
        "    type: Pods\n"
        "    pods:\n"
        "      metric:\n"
        "        name: miwake_admitted_requests\n"
        "      target:\n"
        "        type: AverageValue\n"
        f'        averageValue: "{plan.requests_in_flight}"\n'
    )
