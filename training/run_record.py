"""What is written of a run: the manifest servers read, the tables and figures people read."""

from __future__ import annotations

import sys
from dataclasses import asdict
from datetime import UTC, datetime
from importlib import metadata
from typing import Any

from contract.manifest import Golden, Manifest, Provenance
from training.evaluation import calibration_facts, reference_facts
from training.export.generated_images import generated_images
from training.export.golden import LEAST_MARGIN, across_labels, choose_golden, photograph_bytes
from training.networks import weights_origin
from training.plan import GoldenSource
from training.run import Run
from training.samples import sizes
from training.svm import LinearSvm

MAX_BATCH_SIZE = 32
_PACKAGES = ("miwake", "tensorflow", "keras", "numpy", "pillow", "scikit-learn")
Row = dict[str, object]


def manifest_of(run: Run, *, golden: GoldenSource) -> Manifest:
    """The manifest of the version a run exports.

    Raises:
        ExportError: no test photograph is firm enough to be a golden example.
    """
    test = run.evaluations["test"]
    return Manifest(
        name=run.name,
        labels=run.data.labels,
        image=run.recipe.image,
        temperature=run.calibration.temperature,
        unknown_threshold=run.calibration.unknown_threshold,
        calibration=calibration_facts(run.calibration, test=test),
        reference=reference_facts(test),
        max_batch_size=MAX_BATCH_SIZE,
        explain_layer=run.cut.layer,
        metrics=test.metrics(),
        golden=_golden(run, source=golden),
        provenance=Provenance(
            recipe=run.recipe.name,
            seed=run.data.seed,
            dataset_sha256=run.data.decoded.dataset_sha256,
            image_counts=sizes(run.data.samples),
            backbone=run.recipe.network,
            weights=weights_origin(run.recipe),
            packages=run.packages,
            created=datetime.now(UTC).isoformat(timespec="seconds"),
        ),
    )


def report_of(run: Run) -> dict[str, Any]:
    """The figures and facts of `report.json`."""
    return {
        "name": run.name,
        "command": run.command,
        "recipe": run.recipe.name,
        "recipe_values": asdict(run.recipe) | {"weights": weights_origin(run.recipe)},
        "stages": _stages(run),
        "seed": run.data.seed,
        "dataset_sha256": run.data.decoded.dataset_sha256,
        "image_counts": sizes(run.data.samples),
        "calibration": asdict(run.calibration) | {"notes": run.calibration.notes},
        "svm": None if run.svm is None else _svm_facts(run.svm),
        "validation": run.evaluations["validation"].to_dict(),
        "test": run.evaluations["test"].to_dict(),
        "unreadable": [asdict(entry) for entry in run.data.unreadable],
        "duplicates": [asdict(entry) for entry in run.data.duplicates],
        "packages": dict(run.packages),
        "seconds": {phase: round(value, 2) for phase, value in run.seconds.items()},
    }


def split_of(run: Run) -> list[Row]:
    """A row a photograph: path, label, split, sha256."""
    return [
        {
            "path": photograph.relative,
            "label": photograph.label,
            "split": photograph.split,
            "sha256": run.data.decoded.sha256[photograph.relative],
        }
        for photograph in run.data.photographs
    ]


def predictions_of(run: Run) -> list[Row]:
    """A row a test photograph: path, sha256, label, predicted (always the top one), probability."""
    tested = [photograph for photograph in run.data.photographs if photograph.split == "test"]
    return [
        {
            "path": photograph.relative,
            "sha256": run.data.decoded.sha256[photograph.relative],
            "label": photograph.label,
            "predicted": run.data.labels[int(row.argmax())],
            "probability": round(float(row.max()), 6),
        }
        for photograph, row in zip(tested, run.probabilities("test"), strict=True)
    ]


def _stages(run: Run) -> list[dict[str, Any]]:
    """What each did with its frozen layers and fixed copies, which may be other than the recipe asks for."""
    return [
        {"frozen_layers": run.frozen_layers.get(number), "copies": run.copies(number)}
        for number in range(len(run.recipe.stages))
    ]


def _svm_facts(svm: LinearSvm) -> dict[str, Any]:
    kept = ("cost", "cross_validation_accuracy", "folds", "converged")
    return {name: getattr(svm, name) for name in kept}


def packages() -> dict[str, str]:
    """Versions of what decides the figures."""
    return {"python": sys.version.split()[0], **{name: metadata.version(name) for name in _PACKAGES}}


def _golden(run: Run, *, source: GoldenSource) -> Golden:
    spec, model, temperature = run.recipe.image, run.model, run.calibration.temperature
    if source == "generated":
        return choose_golden(generated_images(), spec=spec, model=model, temperature=temperature)
    tested = [photograph for photograph in run.data.photographs if photograph.split == "test"]
    return choose_golden(
        (photograph_bytes(p, spec) for p in across_labels(tested, seed=run.data.seed)),
        spec=spec,
        model=model,
        temperature=temperature,
        least_margin=LEAST_MARGIN,
    )
