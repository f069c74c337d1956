"""Manifests for tests."""

from __future__ import annotations

from typing import Any

from contract.calibration_facts import CalibrationFacts
from contract.image import decode, pixels_sha256
from contract.image_spec import ImageSpec
from contract.manifest import Golden, GoldenExample, Manifest, Provenance
from contract.reference_facts import ReferenceFacts
from tests.pictures import encoded

SPEC = ImageSpec(height=8, width=8)
LABELS = ("cat", "dog", "owl")
CALIBRATION = CalibrationFacts(
    images=120,
    at_bound=False,
    coverage=0.95,
    test_coverage=0.94,
    test_error_before=0.07,
    test_error_after=0.02,
)
REFERENCE = ReferenceFacts(images=40, label_shares=(0.5, 0.3, 0.2), top_probability=0.7, unknown_share=0.05)


def golden(probabilities: tuple[float, ...], *, spec: ImageSpec = SPEC) -> Golden:
    """One golden example with this answer."""
    image_bytes = encoded()
    example = GoldenExample(
        image_bytes=image_bytes,
        pixels_sha256=pixels_sha256(decode(image_bytes, spec)),
        probabilities=probabilities,
    )
    return Golden(max_probability_difference=0.02, examples=(example,))


def manifest(**changes: Any) -> Manifest:
    """A small valid manifest, with members replaced."""
    members: dict[str, Any] = {
        "name": "toy",
        "labels": LABELS,
        "image": SPEC,
        "temperature": 1.5,
        "unknown_threshold": 0.0,
        "max_batch_size": 8,
        "explain_layer": "conv",
        "metrics": {"accuracy": 0.9},
        "golden": golden((0.7, 0.2, 0.1)),
        "provenance": Provenance(
            recipe="toy-recipe",
            seed=1,
            dataset_sha256="ab" * 32,
            image_counts={"train": 3},
            backbone="none",
            weights="none",
            packages={"keras": "3"},
            created="2026-01-01T00:00:00Z",
        ),
        "calibration": CALIBRATION,
        "reference": REFERENCE,
    }
    return Manifest(**(members | changes))
