"""Sidecars for tests."""

from __future__ import annotations

from typing import Any

from contract.sidecar import Sidecar
from tests.manifests import LABELS, SPEC


def sidecar(**changes: Any) -> Sidecar:
    """A small valid sidecar, with members replaced."""
    members: dict[str, Any] = {
        "model": "toy",
        "version": 1,
        "labels": LABELS,
        "image": SPEC,
        "scaling": "1/255",
        "signature": "classify",
        "input_name": "pixels",
        "output_name": "scores",
        "max_batch_size": 4,
    }
    return Sidecar(**(members | changes))
