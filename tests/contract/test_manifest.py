from __future__ import annotations

import json
from typing import Any

import pytest

from contract.errors import ManifestError
from contract.image_spec import ImageSpec
from contract.manifest import Manifest
from tests.manifests import manifest


def changed(path: str, value: Any) -> str:
    document = json.loads(manifest().to_json())
    *parents, last = path.split(".")
    target = document
    for name in parents:
        target = target[int(name)] if isinstance(target, list) else target[name]
    target[last] = value
    return json.dumps(document)


def test_a_manifest_survives_its_json() -> None:
    original = manifest(image=ImageSpec(height=5, width=6, fit="pad", fill=(1, 2, 3), filter="lanczos"))

    assert Manifest.from_json(original.to_json()) == original


def test_labels_outside_ascii_survive() -> None:
    original = manifest(labels=("猫", "сова", "ñandú"))

    assert Manifest.from_json(original.to_json().encode()) == original


def test_a_newer_minor_version_with_new_members_is_read() -> None:
    document = json.loads(changed("schema_version", "1.7"))

    assert Manifest.from_json(json.dumps(document | {"new": 1})).schema_version == "1.7"


def test_a_manifest_of_schema_1_0_says_nothing_of_its_calibration() -> None:
    document = json.loads(changed("schema_version", "1.0"))
    del document["calibration"], document["reference"]

    read = Manifest.from_json(json.dumps(document))

    assert read == manifest(schema_version="1.0", calibration=None, reference=None)


def test_a_manifest_of_schema_1_1_has_no_reference() -> None:
    document = json.loads(changed("schema_version", "1.1"))
    del document["reference"]

    assert Manifest.from_json(json.dumps(document)) == manifest(schema_version="1.1", reference=None)


def test_a_manifest_without_calibration_survives_its_json() -> None:
    original = manifest(calibration=None, reference=None)

    assert Manifest.from_json(original.to_json()) == original


def test_another_major_version_is_refused() -> None:
    with pytest.raises(ManifestError, match=r"2\.0 is not 1\.x"):
        Manifest.from_json(changed("schema_version", "2.0"))


@pytest.mark.parametrize(
    ("path", "value", "complaint"),
    [
        ("labels", ["one"], "labels"),
        ("labels", ["a", "a", "b"], "labels"),
        ("labels", "abc", "labels is not a list"),
        ("labels", ["a", 1, "b"], "labels is not a list of strings"),
        ("name", "../up", "name"),
        ("name", "", "name"),
        ("temperature", 0, "temperature"),
        ("temperature", "warm", "temperature is not a finite number"),
        ("temperature", True, "temperature is not a finite number"),
        ("unknown_threshold", 1.5, "unknown_threshold"),
        ("max_batch_size", 12, "power of two"),
        ("max_batch_size", 1.5, "max_batch_size is not a whole number"),
        ("image.fit", "squeeze", "image.fit"),
        ("image.height", 0, "image size"),
        ("image.height", 10_000, "image size"),
        ("image.fill", [1, 2], "image.fill"),
        ("image.fill", [1, 2, 300], "image fill"),
        ("golden.examples", [], "golden.examples"),
        ("golden.examples.0.image_b64", "*", "image_b64"),
        ("golden.examples.0.image_b64", "é", "image_b64"),
        ("temperature", 10**400, "temperature is not a finite number"),
        ("temperature", float("nan"), "temperature is not a finite number"),
        ("golden.examples.0.probabilities", [0.5, 0.5], "golden example"),
        ("metrics.accuracy", None, "metrics.accuracy"),
        ("provenance", [], "provenance is not an object"),
        ("calibration", None, "calibration is not an object"),
        ("calibration.images", 1.5, "calibration.images is not a whole number"),
        ("calibration.at_bound", "no", "calibration.at_bound is not one of"),
        ("calibration.coverage", 95, "calibration.coverage must be from 0 to 1"),
        ("calibration.test_error_after", -0.1, "calibration.test_error_after must be from 0 to 1"),
        ("reference", None, "reference.? is not an object"),
        ("reference.images", 0, "reference.images must be at least 1"),
        ("reference.top_probability", 1.1, "reference.top_probability must be from 0 to 1"),
        ("reference.unknown_share", -1, "reference.unknown_share must be from 0 to 1"),
        ("reference.label_shares", [0.5, 0.3, 0.3], "reference.label_shares must be shares that sum to 1"),
        ("reference.label_shares", [1.5, -0.5, 0], "reference.label_shares must be shares that sum to 1"),
        ("reference.label_shares", [], "reference.label_shares must be shares that sum to 1"),
        ("reference.label_shares", [0.5, 0.5], "reference.label_shares has not one share for every label"),
    ],
)
def test_a_wrong_member_is_named(path: str, value: Any, complaint: str) -> None:
    with pytest.raises(ManifestError, match=complaint):
        Manifest.from_json(changed(path, value))


def test_a_missing_member_is_named() -> None:
    document = json.loads(manifest().to_json())
    del document["golden"]["max_probability_difference"]

    with pytest.raises(ManifestError, match=r"golden\.max_probability_difference is missing"):
        Manifest.from_json(json.dumps(document))


@pytest.mark.parametrize("text", ["", "{", "[]", "null", b"\xff\xfe", "[" * 100_000])
def test_what_is_not_a_json_object_is_refused(text: str | bytes) -> None:
    with pytest.raises(ManifestError):
        Manifest.from_json(text)
