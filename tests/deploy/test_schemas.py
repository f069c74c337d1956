"""Every object is one that Kubernetes knows, field by field: its own schemas, offline."""

from __future__ import annotations

import json

import kubernetes_validate
import pytest

from tests.deploy.rendered import Manifest

# The oldest whose preStop can sleep without a gate, and the newest whose schemas are here.
KUBERNETES = ("1.30", "1.37")
# Those of operators; their definitions are not in Kubernetes' schemas.
CUSTOM = {"ServiceMonitor", "PrometheusRule", "InferenceService"}
Everything = dict[str, list[Manifest]]


@pytest.mark.parametrize("release", KUBERNETES)
def test_every_object_fits_its_schema(everything: Everything, release: str) -> None:
    # Most are the same in every overlay.
    texts = {json.dumps(manifest) for manifests in everything.values() for manifest in manifests}
    known = [manifest for manifest in map(json.loads, texts) if manifest["kind"] not in CUSTOM]

    for manifest in known:
        kubernetes_validate.validate(manifest, release, strict=True)
    assert len(known) > 25


def test_a_misspelt_field_would_be_found(everything: Everything) -> None:
    manifest = next(each for each in everything["base"] if each["kind"] == "Deployment")
    spoilt = manifest | {"spec": manifest["spec"] | {"replica": 2}}

    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(spoilt, KUBERNETES[0], strict=True)
