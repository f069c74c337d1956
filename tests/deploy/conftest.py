"""Everything of deploy/ that Kubernetes would be given, rendered once."""

from __future__ import annotations

import pytest
import yaml

from tests.deploy.rendered import COMPONENTS, DEPLOY, OVERLAYS, Manifest, rendered, with_components


@pytest.fixture(scope="session")
def everything(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[Manifest]]:
    """By what was rendered: base, overlays, components alone and all together, the job, KServe's example."""
    found = {"base": rendered(DEPLOY / "base"), "score": rendered(DEPLOY / "score")}
    found |= {name: rendered(DEPLOY / "overlays" / name) for name in OVERLAYS}
    for name in COMPONENTS:
        found[name] = with_components("base", [name], tmp_path_factory.mktemp(name))
    found["all"] = with_components("overlays/gpu", COMPONENTS, tmp_path_factory.mktemp("all"))
    found["kserve"] = [yaml.safe_load((DEPLOY / "kserve" / "inference-service.yaml").read_text())]
    return found
