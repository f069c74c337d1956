"""What `kubectl kustomize` makes of deploy/."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import yaml

DEPLOY = Path(__file__).parents[2] / "deploy"
OVERLAYS = ("cpu", "gpu", "dev")
COMPONENTS = ("in-flight-autoscaling", "model-sync", "prometheus-operator")
_KUBECTL = Path(sys.executable).with_name("kubectl")

Manifest = dict[str, Any]


def rendered(folder: Path) -> list[Manifest]:
    """The objects of a kustomization."""
    done = subprocess.run((_KUBECTL, "kustomize", folder), capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    return list(yaml.safe_load_all(done.stdout))


def with_components(base: str, components: Sequence[str], scratch: Path) -> list[Manifest]:
    """The objects of `deploy/<base>` with components, as a user's own kustomization would name them."""
    kustomization = {
        "apiVersion": "kustomize.config.k8s.io/v1beta1",
        "kind": "Kustomization",
        "namespace": "miwake",
        "resources": [os.path.relpath(DEPLOY / base, scratch)],
        "components": [os.path.relpath(DEPLOY / "components" / name, scratch) for name in components],
    }
    (scratch / "kustomization.yaml").write_text(yaml.safe_dump(kustomization))
    return rendered(scratch)


def one(manifests: list[Manifest], kind: str, name: str) -> Manifest:
    """The object of that kind and name."""
    found = [each for each in manifests if (each["kind"], each["metadata"]["name"]) == (kind, name)]
    assert len(found) == 1
    return found[0]


def config(manifests: list[Manifest], name: str) -> dict[str, str]:
    """A ConfigMap's data, by its name without the hash."""
    for each in manifests:
        full = each["metadata"]["name"]
        if each["kind"] == "ConfigMap" and name in (full, full.rpartition("-")[0]):
            return dict(each["data"])
    raise AssertionError(name)


def pods(manifests: list[Manifest]) -> Iterator[tuple[str, Manifest]]:
    """Every pod's spec that a workload makes, by the workload's name."""
    for each in manifests:
        if each["kind"] in {"Deployment", "Job"}:
            yield each["metadata"]["name"], each["spec"]["template"]["spec"]
        if each["kind"] == "InferenceService":
            yield each["metadata"]["name"], each["spec"]["predictor"]


def containers(manifests: list[Manifest]) -> Iterator[tuple[str, Manifest]]:
    """Every container, by `workload/container`."""
    for name, pod in pods(manifests):
        for container in (*pod.get("initContainers", ()), *pod["containers"]):
            yield f"{name}/{container['name']}", container
