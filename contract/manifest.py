"""What a model says of itself: the JSON that travels inside it.

It is the answer of the `manifest` signature and lies at `assets.extra/manifest.json`. Readers take any
minor version of the major one they know (members they do not know are ignored) and refuse another major.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from contract.calibration_facts import CalibrationFacts
from contract.errors import ManifestError
from contract.fields import Fields
from contract.image_spec import ImageSpec
from contract.model_facts import wrong_with
from contract.reference_facts import ReferenceFacts

SCHEMA_MAJOR = 1
SCHEMA_VERSION = f"{SCHEMA_MAJOR}.2"  # 1.1 added calibration, 1.2 reference
MANIFEST_FILE = "assets.extra/manifest.json"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")


@dataclass(frozen=True, kw_only=True)
class GoldenExample:
    """An image whose answer is known.

    Attributes:
        image_bytes: the encoded image.
        pixels_sha256: of its decoded pixels, in hexadecimal.
        probabilities: [C], as the trainer computed them.
    """

    image_bytes: bytes
    pixels_sha256: str
    probabilities: tuple[float, ...]


@dataclass(frozen=True, kw_only=True)
class Golden:
    """The examples a model must reproduce before it may answer.

    Attributes:
        max_probability_difference: the largest |Δp| accepted; 0.02 leaves room for TF32 on a GPU.
        examples: at least one.
    """

    max_probability_difference: float
    examples: tuple[GoldenExample, ...]


@dataclass(frozen=True, kw_only=True)
class Provenance:
    """Where a model comes from.

    Attributes:
        recipe: its name.
        seed: of the split, the first weights and the shuffling.
        dataset_sha256: over the paths and contents of all images read.
        image_counts: images a split, by its name.
        backbone: the network.
        weights: what the network started from.
        packages: versions, by package name.
        created: ISO 8601, UTC.
    """

    recipe: str
    seed: int
    dataset_sha256: str
    image_counts: Mapping[str, int]
    backbone: str
    weights: str
    packages: Mapping[str, str]
    created: str


@dataclass(frozen=True, kw_only=True)
class Manifest:
    """Everything a server needs to know of a model.

    Attributes:
        name: letters, digits, '.', '_' and '-'; at most 100.
        labels: in the order of the network's outputs, C of them, at least 2.
        image: the pixels it takes.
        temperature: the logits were divided by it before the softmax; already inside the graph.
        unknown_threshold: a top probability under it gives the label `unknown`; 0 never does.
        max_batch_size: a power of two; the largest batch it was warmed up for.
        explain_layer: the layer whose activation Grad-CAM reads.
        metrics: on the test split, by name.
        golden: what it must reproduce.
        provenance: where it comes from.
        calibration: of the probabilities; None in a manifest of schema 1.0.
        reference: what drift is measured against; None in one of schema 1.0 or 1.1.
        schema_version: "major.minor".
    """

    name: str
    labels: tuple[str, ...]
    image: ImageSpec
    temperature: float
    unknown_threshold: float
    max_batch_size: int
    explain_layer: str
    metrics: Mapping[str, float]
    golden: Golden
    provenance: Provenance
    calibration: CalibrationFacts | None = None
    reference: ReferenceFacts | None = None
    schema_version: str = SCHEMA_VERSION

    def __post_init__(self) -> None:
        """Refuse a manifest no server could follow.

        Raises:
            ManifestError: saying which member and why.
        """
        check_model_name(self.name)
        if why := wrong_with(self):
            raise ManifestError(f"manifest: {why}")
        if self.temperature <= 0:
            raise ManifestError("manifest: temperature must be above 0")
        if not self.golden.examples:
            raise ManifestError("manifest: golden.examples must not be empty")
        if any(len(e.probabilities) != len(self.labels) for e in self.golden.examples):
            raise ManifestError("manifest: a golden example has not one probability for every label")
        if self.reference and len(self.reference.label_shares) != len(self.labels):
            raise ManifestError("manifest: reference.label_shares has not one share for every label")

    def to_json(self) -> str:
        """The JSON form, one line, members in the order of the attributes."""
        return json.dumps(_manifest_dict(self), ensure_ascii=False, separators=(",", ":"))

    @classmethod
    def from_json(cls, text: str | bytes) -> Manifest:
        """Read the JSON form.

        Raises:
            ManifestError: not JSON, another major version, or a member missing or wrong.
        """
        try:
            document = json.loads(text)
        except (ValueError, RecursionError) as exc:
            raise ManifestError("manifest: not JSON") from exc
        fields = Fields(document)
        version = fields.string("schema_version")
        if version.split(".")[0] != str(SCHEMA_MAJOR):
            raise ManifestError(
                f"manifest: schema version {version} is not {SCHEMA_MAJOR}.x, the one this build reads"
            )
        return cls(
            schema_version=version,
            name=fields.string("name"),
            labels=fields.strings("labels"),
            image=ImageSpec.from_fields(fields.object("image")),
            temperature=fields.number("temperature"),
            unknown_threshold=fields.number("unknown_threshold"),
            max_batch_size=fields.integer("max_batch_size"),
            explain_layer=fields.string("explain_layer"),
            metrics=fields.number_map("metrics"),
            golden=_golden(fields.object("golden")),
            provenance=provenance_from_fields(fields.object("provenance")),
            calibration=_calibration(fields),
            reference=_reference(fields),
        )


def check_model_name(name: str) -> None:
    """Refuse a name that could not be a folder, a metric label and part of a URL alike.

    Raises:
        ManifestError: saying what a name may hold.
    """
    if not _NAME.fullmatch(name):
        raise ManifestError(
            f"model name {name!r} is not up to 100 letters, digits, '.', '_', '-' (first a letter or digit)"
        )


def _manifest_dict(manifest: Manifest) -> dict[str, Any]:
    return {
        "schema_version": manifest.schema_version,
        "name": manifest.name,
        "labels": list(manifest.labels),
        "image": manifest.image.to_dict(),
        "temperature": manifest.temperature,
        "unknown_threshold": manifest.unknown_threshold,
        "max_batch_size": manifest.max_batch_size,
        "explain_layer": manifest.explain_layer,
        "metrics": dict(manifest.metrics),
        "golden": {
            "max_probability_difference": manifest.golden.max_probability_difference,
            "examples": [
                {
                    "image_b64": base64.b64encode(example.image_bytes).decode("ascii"),
                    "pixels_sha256": example.pixels_sha256,
                    "probabilities": list(example.probabilities),
                }
                for example in manifest.golden.examples
            ],
        },
        "provenance": provenance_dict(manifest.provenance),
        **({"calibration": manifest.calibration.to_dict()} if manifest.calibration else {}),
        **({"reference": manifest.reference.to_dict()} if manifest.reference else {}),
    }


def provenance_dict(provenance: Provenance) -> dict[str, Any]:
    """The JSON form of where a model comes from."""
    return {
        "recipe": provenance.recipe,
        "seed": provenance.seed,
        "dataset_sha256": provenance.dataset_sha256,
        "image_counts": dict(provenance.image_counts),
        "backbone": provenance.backbone,
        "weights": provenance.weights,
        "packages": dict(provenance.packages),
        "created": provenance.created,
    }


def _golden(fields: Fields) -> Golden:
    return Golden(
        max_probability_difference=fields.number("max_probability_difference"),
        examples=tuple(map(_golden_example, fields.objects("examples"))),
    )


def _golden_example(fields: Fields) -> GoldenExample:
    try:
        image_bytes = base64.b64decode(fields.string("image_b64"), validate=True)
    except ValueError as exc:
        raise ManifestError("manifest: a golden example's image_b64 is not base64") from exc
    return GoldenExample(
        image_bytes=image_bytes,
        pixels_sha256=fields.string("pixels_sha256"),
        probabilities=fields.numbers("probabilities"),
    )


def _calibration(fields: Fields) -> CalibrationFacts | None:
    return CalibrationFacts.from_fields(fields.object("calibration")) if "calibration" in fields else None


def _reference(fields: Fields) -> ReferenceFacts | None:
    return ReferenceFacts.from_fields(fields.object("reference")) if "reference" in fields else None


def provenance_from_fields(fields: Fields) -> Provenance:
    """Read what `provenance_dict` gives.

    Raises:
        ManifestError: a member is missing or of another type (the type of `fields`' errors).
    """
    return Provenance(
        recipe=fields.string("recipe"),
        seed=fields.integer("seed"),
        dataset_sha256=fields.string("dataset_sha256"),
        image_counts=fields.integer_map("image_counts"),
        backbone=fields.string("backbone"),
        weights=fields.string("weights"),
        packages=fields.string_map("packages"),
        created=fields.string("created"),
    )
