"""Every object is one that Kubernetes knows, field by field: its own schemas, offline."""

from __future__ import annotations

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
    checked = 0
    for manifests in everything.values():
        for manifest in manifests:
            if manifest["kind"] not in CUSTOM:
                kubernetes_validate.validate(manifest, release, strict=True)
                checked += 1

    assert checked > 100


def test_a_misspelt_field_would_be_found(everything: Everything) -> None:
    manifest = next(each for each in everything["base"] if each["kind"] == "Deployment")
    spoilt = manifest | {"spec": manifest["spec"] | {"replica": 2}}

    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(spoilt, KUBERNETES[0], strict=True)
